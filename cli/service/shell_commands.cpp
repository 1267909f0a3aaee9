#include "cli/service/shell_commands.hpp"

#include <boost/system/errc.hpp>
#include <deque>
#include <exception>
#include <iterator>
#include <utility>

#include "cli/process/failure.hpp"
#include "cli/sources/sources.hpp"
#include "cli/sources/torrent_url.hpp"
#include "cli/text/link_lines.hpp"
#include "cli/text/one_line.hpp"
#include "engine/log/log.hpp"
#include "engine/metainfo/magnet.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {
namespace {

namespace errc = boost::system::errc;

constexpr std::string_view kTorrent = ".torrent", kMagnet = ".magnet";

/// Carries out one command; its errno, and in `problem` what failed.
Error outcome_of(const ShellCommands::Job& command, std::string& problem) {
    try {
        command();
        return {};
    } catch (const Failure& failure) {
        problem = failure.what();
        return shell_error(failure.error());
    } catch (const std::exception& failure) {
        problem = failure.what();
        return make_error_code(errc::io_error);
    }
}

/// Carries out one command, and tells the log what failed; `shown` is what the log calls the command.
Error told_outcome_of(const ShellCommands::Job& command, const std::string& shown) {
    std::string problem;
    const Error outcome = outcome_of(command, problem);
    if (outcome) log::warn("{}: {}", shown, problem);
    return outcome;
}

}  // namespace

/// Links that are added one after the other, and answered together with the first failure.
struct ShellCommands::Batch {
    std::string shown;  ///< what the log calls them
    bool may_be_empty;
    CommandDone done;
    std::deque<std::string> links = {};
    Error failure = {};
    std::size_t failed = 0;
};

Error shell_error(const Error& error) {
    if (!error || error == Errc::storage_locked) return make_error_code(errc::device_or_resource_busy);
    if (error == Errc::torrent_too_large) return make_error_code(errc::file_too_large);
    if (error == Errc::storage_full) return make_error_code(errc::no_space_on_device);
    if (is_of_parser(error)) return make_error_code(errc::invalid_argument);
    if (error.category() == error_category()) return make_error_code(errc::io_error);
    return error;
}

std::size_t ShellCommands::max_file_size(std::string_view name) const {
    return name.ends_with(kTorrent) ? kMaxTorrentFileSize : kMaxLinkFile;
}

bool ShellCommands::takes(std::string_view name) const {
    return !name.starts_with('.') && (name.ends_with(kTorrent) || name.ends_with(kMagnet));
}

void ShellCommands::take(const std::string& name, std::shared_ptr<const Bytes> content, CommandDone done) {
    if (!name.ends_with(kTorrent)) {
        auto batch = std::make_shared<Batch>(one_line(name), false, std::move(done));
        return torrents_.post([this, content = std::move(content), batch = std::move(batch)] {
            begin(as_text(*content), batch);
        });
    }
    torrents_.post([this, content = std::move(content), shown = one_line(name), done = std::move(done)] {
        done(told_outcome_of([&] { torrents_.add(*content); }, shown));
    });
}

void ShellCommands::add_links(std::string lines, CommandDone done) {
    auto batch = std::make_shared<Batch>("link", true, std::move(done));
    torrents_.post([this, lines = std::move(lines), batch = std::move(batch)] { begin(lines, batch); });
}

void ShellCommands::remove(const std::string& member, CommandDone done) {
    torrents_.post([this, member, done = std::move(done)] {
        done(told_outcome_of([&] { torrents_.remove(member); }, member));
    });
}

// ---- on the worker ----

void ShellCommands::begin(std::string_view text, const std::shared_ptr<Batch>& batch) {
    auto links = link_lines(text);
    if (links.empty() && !batch->may_be_empty) {
        log::warn("{} has no link", batch->shown);
        return batch->done(make_error_code(errc::invalid_argument));
    }
    if (links.size() > kMaxLinks) {
        log::warn("{}: more than {} links at once: write fewer", batch->shown, kMaxLinks);
        return batch->done(make_error_code(errc::file_too_large));
    }
    batch->links = {std::make_move_iterator(links.begin()), std::make_move_iterator(links.end())};
    add_next(batch);
}

void ShellCommands::add_next(const std::shared_ptr<Batch>& batch) {
    if (!batch->links.empty()) {
        const std::string link = std::move(batch->links.front());
        batch->links.pop_front();
        const bool is_url = looks_like_url(link);
        const ByteView source = as_bytes(link);
        std::string problem = "no magnet link, info-hash or URL";
        Error error = make_error_code(errc::invalid_argument);
        if (is_url || looks_like_magnet(link))
            error = outcome_of([&] { torrents_.add({source.begin(), source.end()}); }, problem);
        if (error) {
            if (!batch->failure) batch->failure = error;
            if (++batch->failed <= kMaxTold)
                log::warn("{}: {}", is_url ? shown_url(link) : one_line(link), problem);
        }
    }
    if (!batch->links.empty()) return torrents_.post([this, batch] { add_next(batch); });
    if (batch->failed > kMaxTold)
        log::warn("{}: {} more links could not be added", batch->shown, batch->failed - kMaxTold);
    batch->done(batch->failure);
}

}  // namespace btfs::cli
