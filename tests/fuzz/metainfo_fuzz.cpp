// Torrent files: one that parses is safe to mount. Its names, sizes and pieces are as metainfo.hpp promises.
#include <set>
#include <string>

#include "engine/metainfo/metainfo.hpp"
#include "engine/metainfo/safe_path.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

using namespace btfs;
using fuzz::require;

std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> names;
    for (;;) {
        const std::size_t slash = path.find('/');
        names.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return names;
        path.remove_prefix(slash + 1);
    }
}

// Checks that a symlink's target never climbs above the torrent's folder, which is one name deep.
void check_link(const FileEntry& file) {
    long depth = static_cast<long>(split(file.path).size()) - 1;
    for (std::string_view name : split(file.symlink_target)) {
        if (name == ".") continue;
        depth += name == ".." ? -1 : 1;
        require(depth >= 1 && (name == ".." || is_safe_name(name)));
    }
}

void check(const Metainfo& torrent) {
    require(is_safe_name(torrent.name));
    require(torrent.files.size() == torrent.layout.files().size());
    std::set<std::string_view> files, folders;
    std::uint64_t offset_in_torrent = 0;
    for (std::size_t i = 0; i < torrent.files.size(); ++i) {
        const FileEntry& file = torrent.files[i];
        const auto names = split(file.path);
        for (std::string_view name : names) require(is_safe_name(name));
        require(names.front() == torrent.name);
        require(files.insert(file.path).second);
        for (std::size_t at = 0; (at = file.path.find('/', at)) != std::string::npos; ++at)
            folders.insert(std::string_view(file.path).substr(0, at));
        if (file.is_symlink()) check_link(file);
        require(file.offset_in_torrent == offset_in_torrent);
        offset_in_torrent += file.size;
        require(torrent.layout.files()[i] == FileExtent{file.offset_in_torrent, file.size, file.pad});
    }
    for (std::string_view folder : folders) require(!files.contains(folder));
    const Layout& layout = torrent.layout;
    require(layout.total_size() == offset_in_torrent && offset_in_torrent > 0);
    require(layout.piece_count() == torrent.hashes.size());
    const PieceIndex last(layout.piece_count() - 1);
    require(layout.piece_range(last).end == layout.total_size());
    for (std::uint32_t block = 0; block < layout.block_count(last) && block < 100; ++block)
        require(layout.payload(last, block).size <= layout.block_size(last, block));
    for (const auto& tier : torrent.trackers) require(!tier.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes = std::as_bytes(std::span(data, size));
    auto torrent = parse_torrent(bytes);
    if (!torrent) torrent = parse_info(bytes);
    if (!torrent) return 0;
    check(*torrent);
    // The info dictionary alone may give other names, since the torrent file may name their encoding.
    auto bare = parse_info(*torrent->info_bytes);
    require(bare.has_value() && bare->identity == torrent->identity && bare->layout == torrent->layout);
    check(*bare);
    auto again = parse_torrent(bytes);
    if (!again) again = parse_info(bytes);
    for (std::size_t i = 0; i < torrent->files.size(); ++i)
        require(again->files[i].path == torrent->files[i].path);
    return 0;
}
