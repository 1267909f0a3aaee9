// MountCommands that remember what they were asked for.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fs/mount_commands.hpp"

namespace btfs::test {

/// Answers at once with `outcome`, or, if `holds` is set, when the test calls answer().
class FakeMountCommands final : public MountCommands {
  public:
    std::size_t max_file_size(std::string_view) const override { return 1000; }
    bool takes(std::string_view name) const override { return name.ends_with(".torrent"); }
    void take(const std::string& name, std::shared_ptr<const Bytes> content, CommandDone done) override {
        ask("take " + name + ": " + std::string(as_text(*content)), std::move(done));
        taken.push_back(std::move(content));
    }
    void add_links(std::string lines, CommandDone done) override { ask("link " + lines, std::move(done)); }
    void remove(const std::string& member, CommandDone done) override {
        ask("remove " + member, std::move(done));
    }
    void answer() {
        for (const CommandDone& done : std::exchange(waiting, {})) done(outcome);
    }

    std::vector<std::string> asked;
    std::vector<CommandDone> waiting;
    std::vector<std::shared_ptr<const Bytes>> taken;  ///< content of the files
    Error outcome = {};
    bool holds = false;

  private:
    void ask(std::string what, CommandDone done) {
        asked.push_back(std::move(what));
        waiting.push_back(std::move(done));
        if (!holds) answer();
    }
};

}  // namespace btfs::test
