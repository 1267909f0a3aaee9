#include "cli/service/shell_commands.hpp"

#include <boost/system/errc.hpp>
#include <mutex>
#include <utility>

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

/// Outcome of several adds: the first failure, once the last one is done.
struct Batch {
    std::mutex mutex;
    std::size_t left;  // guarded by mutex
    Error failure;     // guarded by mutex
    CommandDone done;

    void take(const Error& error) {
        Error outcome;
        {
            std::lock_guard lock(mutex);
            if (!failure) failure = error;
            if (--left > 0) return;
            outcome = failure;
        }
        done(outcome);
    }
};

}  // namespace

Error shell_error(const Error& error) {
    if (!error) return make_error_code(errc::device_or_resource_busy);
    if (error == Errc::torrent_too_large) return make_error_code(errc::file_too_large);
    if (error.category() == error_category()) return make_error_code(errc::invalid_argument);
    return error;
}

std::size_t ShellCommands::max_file_size() const {
    return kMaxTorrentFileSize;
}

bool ShellCommands::takes(std::string_view name) const {
    return !name.starts_with('.') && (name.ends_with(kTorrent) || name.ends_with(kMagnet));
}

void ShellCommands::take(const std::string& name, std::shared_ptr<const Bytes> content, CommandDone done) {
    if (name.ends_with(kTorrent)) return torrents_.add(*content, one_line(name), std::move(done));
    auto links = link_lines(as_text(*content));
    if (!links.empty()) return add_all(std::move(links), std::move(done));
    log::warn("{} has no link", one_line(name));
    done(make_error_code(errc::invalid_argument));
}

void ShellCommands::add_links(std::string lines, CommandDone done) {
    add_all(link_lines(lines), std::move(done));
}

void ShellCommands::add_all(std::vector<std::string> links, CommandDone done) {
    Error failure;
    std::erase_if(links, [&](const std::string& link) {
        if (looks_like_magnet(link) || looks_like_url(link)) return false;
        log::warn("{}: no magnet link, info-hash or URL", one_line(link));
        failure = make_error_code(errc::invalid_argument);
        return true;
    });
    if (links.empty()) return done(failure);
    const auto batch = std::make_shared<Batch>();
    batch->left = links.size();
    batch->failure = failure;
    batch->done = std::move(done);
    for (const std::string& link : links) {
        const ByteView bytes = as_bytes(link);
        torrents_.add({bytes.begin(), bytes.end()}, looks_like_url(link) ? shown_url(link) : one_line(link),
                      [batch](const Error& error) { batch->take(error); });
    }
}

void ShellCommands::remove(const std::string& member, CommandDone done) {
    torrents_.remove(member, std::move(done));
}

}  // namespace btfs::cli
