#include "cli/content_tree.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "cli/process/failure.hpp"
#include "engine/metainfo/metainfo.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

struct Content : TemporaryFolder {
    void add(const fs::path& name) const {
        const fs::path file = path / "content" / name;
        fs::create_directories(file.parent_path());
        std::ofstream(file) << "content";
    }
    std::string failure(const fs::path& below = {}) const {
        CreateOptions options;
        options.path = path / "content" / below;
        try {
            make_torrent(options);
        } catch (const Failure& what) {
            return what.what();
        }
        return "no failure";
    }
};

TEST(MakeTorrent, NamesOfAnyScriptStandInATorrent) {
    Content content;
    content.add("\u05e9\u05dc\u05d5\u05dd/\u0641\u064a\u0644\u0645.mkv");
    EXPECT_EQ(content.failure(), "no failure");
}

TEST(MakeTorrent, ANameWithABidirectionalControlIsRefusedWithTheReasonAndWhatToDo) {
    Content content;
    content.add("photos/photo\u202egpj.exe");
    const auto says_all = AllOf(HasSubstr("/content/photos/photo?gpj.exe: "),
                                HasSubstr("bidirectional control"), HasSubstr("rename it"));
    EXPECT_THAT(content.failure(), says_all);
    EXPECT_THAT(content.failure("photos/photo\u202egpj.exe"), says_all) << "a torrent of this file alone";
}

TEST(MakeTorrent, TheFolderWhoseNameIsRefusedIsNamed) {
    Content content;
    content.add("good/a\u2067b/film.mkv");
    EXPECT_THAT(content.failure(), HasSubstr("/content/good/a?b: its name has a bidirectional control"));
}

TEST(MakeTorrent, OtherNamesThatNoTorrentMayHaveAreRefusedWithTheirReasons) {
    {
        Content content;
        content.add("a\nb");
        EXPECT_THAT(content.failure(), HasSubstr("/content/a?b: its name has a control character"));
    }
    Content content;
    content.add("a\xff");
    EXPECT_THAT(content.failure(), HasSubstr("/content/a?: its name has bytes that are not UTF-8"));
}

}  // namespace
}  // namespace btfs::cli
