#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "cache/adopted/data_folders.hpp"
#include "cache/cache_dir.hpp"
#include "cache/disk/disk_pool.hpp"
#include "cache/pieces/piece_memory.hpp"
#include "cli/commands.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_record.hpp"
#include "cli/control/mountpoint_claim.hpp"
#include "cli/process/detach.hpp"
#include "cli/process/end_guard.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/process/service_manager.hpp"
#include "cli/process/stop_signal.hpp"
#include "cli/service/library.hpp"
#include "cli/service/mount_control.hpp"
#include "cli/service/served_torrents.hpp"
#include "cli/service/wait_for_files.hpp"
#include "cli/settings/cache_path.hpp"
#include "cli/settings/cache_size.hpp"
#include "cli/settings/engine_options.hpp"
#include "cli/settings/ip_filter_file.hpp"
#include "cli/settings/logging.hpp"
#include "cli/settings/peer_addresses.hpp"
#include "cli/settings/user_folders.hpp"
#include "cli/sources/sources.hpp"
#include "cli/sources/torrent_url.hpp"
#include "cli/text/one_line.hpp"
#include "cli/web/web_service.hpp"
#include "cli/web/web_setting.hpp"
#include "engine/log/log.hpp"
#include "engine/metainfo/magnet.hpp"
#include "engine/session/engine.hpp"
#include "fs/filesystem.hpp"
#include "fs/fuse_session.hpp"
#include "fs/mountpoint.hpp"

namespace btfs::cli {
namespace {

constexpr unsigned kDiskThreads = 3;
/// The end of a mount, from the signal to the end of the process: `umount` and systemd wait for it.
constexpr Duration kLongestEnd = 4s;
constexpr Duration kLongestSync = 1s;
constexpr double kLongestWait_s = 1e8;  // three years; more is for ever

/// Replaces URLs by what earlier mounts fetched from them, as far as that can still be parsed.
void take_kept_downloads(Sources& sources, const CacheDir& cache_dir) {
    for (std::string& url : std::exchange(sources.urls, {})) {
        const auto content = cache_dir.kept_download(url);
        auto source = content ? parse_source(*content) : Result<TorrentSource>(Errc::torrent_no_info);
        if (!source) {
            sources.add_url(std::move(url));
            continue;
        }
        source->url = std::move(url);
        sources.add(std::move(*source));
    }
}

std::optional<Duration> wait_time(double seconds) {
    if (seconds > kLongestWait_s) return std::nullopt;
    return from_seconds(seconds);
}

/// The mount would cover files that are to be adopted, and which are opened anew for each read.
void refuse_covered_data(const std::filesystem::path& mountpoint,
                         const std::vector<std::filesystem::path>& data) {
    std::error_code error;
    const auto covered = std::filesystem::canonical(mountpoint, error);
    if (error || std::filesystem::is_empty(covered, error) || error) return;
    for (const std::filesystem::path& folder : data) {
        const auto holder = std::filesystem::canonical(folder, error);
        if (error || holder == covered) continue;  // the folder itself is held open
        if (std::ranges::mismatch(holder, covered).in1 == holder.end())
            throw Failure(mountpoint.string() + " has files below --data " + folder.string() +
                          ", which the mount would cover; mount elsewhere");
    }
}

/// The folder of what the mount remembers; nothing if the user has no home, or the mount is a player's.
std::optional<std::filesystem::path> state_folder(const MountOptions& options) {
    if (options.for_player) return std::nullopt;
    try {
        return AddedSources::folder_of(default_state_path(options.for_system) / "mounts",
                                       absolute_mountpoint(options.mountpoint.string()));
    } catch (const Failure& failure) {
        log::warn("what is added to the mount will not be there after its end: {}", failure.what());
        return std::nullopt;
    }
}

/// Returns whether later mounts have the torrent, too.
bool add_watched(ServedTorrents& torrents, Bytes content) {
    const AddReport report =
        torrents.add_source({.content = std::move(content), .added_ms = AddedSources::now_ms()});
    if (!report.was_there) log::info("added {}", one_line(report.name));
    if (!report.warning.empty())
        log::warn("{}: {}{}", one_line(report.name), report.warning,
                  report.kept ? "" : "; its file stays in the watched folder");
    return report.kept;
}

/// Null if there cannot be one: the mount works without it.
std::unique_ptr<ControlSocket> open_control_socket(const KernelMount& mount, MountControl& control) {
    auto socket = ControlSocket::open(
        control_folder(), socket_name(mount),
        [&control](const boost::json::object& request) { return control.handle(request); });
    if (socket) return std::move(*socket);
    log::warn("no control socket in {}: {}; other commands cannot reach this mount",
              control_folder().string(), socket.error().message());
    return nullptr;
}

/// Lines of systemd's protocol: see notify_service_manager().
void tell_service_manager(const std::string& assignments) {
    if (const Error error = notify_service_manager(assignments))
        log::warn("the service manager was not told of the mount's state: {}", error.message());
}

/// A mountpoint alone is a mount to which torrents are added later; a source alone is half of what was meant.
void refuse_lone_source(const MountOptions& options) {
    const std::string word = options.mountpoint.string();
    std::error_code ignored;
    if (options.sources.empty() && (looks_like_magnet(word) || looks_like_url(word) ||
                                    std::filesystem::is_regular_file(options.mountpoint, ignored)))
        throw Failure(one_line(word) + ": say where to mount it, behind it");
}

/// Finds the mountpoint of a mount that mount.fuse3 has made, as with `-o setuid=USER,drop_privileges`.
void take_passed_mount(MountOptions& options) {
    const auto descriptor = passed_descriptor(options.mountpoint.string());
    if (!descriptor) return;
    options.passed_device = options.mountpoint.string();
    const auto made = mount_of_descriptor(*descriptor);
    if (!made)
        throw Failure(options.passed_device +
                      ": is no mount of btfs; give a folder, or mount without drop_privileges");
    options.mountpoint = made->mountpoint;
}

void serve(const MountOptions& options, const std::vector<SourceWord>& words, Readiness& readiness) {
    EndGuard end_guard;  // destroyed last: it watches over the other destructors
    std::function<void()> reread_filter = [] {};
    StopSignal stop([&reread_filter] {
        log::reopen();
        reread_filter();
    });
    raise_descriptor_limit();
    // Mistakes of the user are found before anything is written.
    Sources sources = load_sources(words);
    const std::vector<HostPort> peers = parse_addresses("--peer", options.network.peers);
    const auto fuse_options = parse_mount_options(options.fuse_options);
    if (!fuse_options) throw Failure(fuse_options.error());
    const bool is_passed = !options.passed_device.empty();
    std::optional<MountpointClaim> claim;
    if (!is_passed) {
        claim.emplace(options.mountpoint);
        refuse_covered_data(options.mountpoint, options.data);
    }
    std::optional<Library> library;
    if (!options.library.empty()) library.emplace(options.library, options.mountpoint);
    DataFolders data;  // held open from before the mount, which may cover one of them
    for (const std::filesystem::path& folder : options.data)
        if (const Error error = data.add(folder)) throw Failure("--data " + folder.string(), error);

    auto web_options = web_setting(options.web);
    if (web_options) web_options->site.control = !options.no_control;
    EngineOptions engine_settings = engine_options(options.network);
    engine_settings.background = options.background;
    auto ip_filter = load_ip_filter(options.network.ip_filter);
    const std::filesystem::path cache_path = resolve_cache_path(
        options.cache_dir.empty() ? default_cache_path(options.for_system) : options.cache_dir,
        is_passed ? std::filesystem::path() : options.mountpoint);  // which would not answer yet
    auto cache_dir = CacheDir::open(cache_path);
    if (!cache_dir) throw Failure("cache directory " + cache_path.string(), cache_dir.error());

    // Each outlives those below, which use it.
    DiskPool pool(kDiskThreads);
    PieceMemory memory;
    std::optional<CacheBound> bound;
    if (const auto sizes = cache_sizes(options.cache_size, *cache_dir))
        cache_dir->set_bound(bound.emplace(cache_dir->files(), pool, *sizes));
    TableJobs table_jobs;
    keep_dht_table(*cache_dir, pool, table_jobs, engine_settings);
    Engine engine(engine_settings);
    IpFilterReader filter_reader(options.network.ip_filter, std::move(ip_filter), engine);
    reread_filter = [&filter_reader] { filter_reader.reread(); };
    const auto state = state_folder(options);
    const auto added = state ? std::optional(AddedSources(*state)) : std::nullopt;
    const bool takes_commands = !options.no_control && !fuse_options->read_only;
    ServedTorrents torrents({engine, *cache_dir, pool, memory, data, peers, fuse_options->inode_width,
                             added ? &*added : nullptr, library ? &*library : nullptr, takes_commands});
    take_kept_downloads(sources, *cache_dir);
    const std::size_t count = sources.count();

    // First what may fail: the mount, then the port of the web page, then that of peers. Only then others are
    // told of the torrents, and are let in.
    btfs::MountOptions mount_options{.mountpoint = options.mountpoint.string(),
                                     .passed_device = options.passed_device,
                                     .options = *fuse_options,
                                     .read_timeout = std::nullopt};
    if (options.read_timeout_s > 0) mount_options.read_timeout = from_seconds(options.read_timeout_s);
    auto session = FuseSession::mount(torrents.filesystem(), mount_options);
    if (!session) throw Failure(session.error().message);
    const auto kernel_mount = find_mount(options.mountpoint);
    std::optional<MountRecord> record;
    if (kernel_mount) record.emplace(*kernel_mount);
    claim.reset();
    std::optional<WebService> web;
    if (web_options) {
        TransmissionRpc::IpFilter filter;
        if (!options.network.ip_filter.empty())
            filter = {.reread = [&filter_reader] { return filter_reader.reread_now(); },
                      .range_count = [&filter_reader] { return filter_reader.range_count(); }};
        web.emplace(*web_options, torrents, state.value_or(std::filesystem::path()),
                    TransmissionRpc::Options{.mountpoint = options.mountpoint.lexically_normal(),
                                             .library = library ? library->folder() : std::filesystem::path(),
                                             .engine = engine_settings,
                                             .close = [&stop] { stop.raise(); },
                                             .ip_filter = std::move(filter)});
        log::info("web page at http://{}/", web->endpoint().text());
    }
    if (auto opened = engine.open(); !opened)
        throw Failure("port " + std::to_string(options.network.port), opened.error());

    // Takes up each torrent while the next one is opened, so that the first reader among thousands finds it
    // done.
    engine.start();
    torrents.add(std::move(sources));
    if (bound) bound->start();
    torrents.start();
    MountControl control(torrents);
    std::unique_ptr<ControlSocket> control_socket;
    if (kernel_mount && !options.no_control) control_socket = open_control_socket(*kernel_mount, control);
    if (control_socket) record->set_control_socket(control_socket->path());
    if (web) web->start();
    std::list<WatchFolder> watched;
    for (const std::filesystem::path& folder : options.watch)
        watched.emplace_back(folder, options.watch_mode, [&torrents](Bytes content) {
            return add_watched(torrents, std::move(content));
        });
    const std::string proxy = engine.proxy_url();
    log::info("mounted {} torrent(s) at {}, {}", count, options.mountpoint.string(),
              proxy.empty() ? "listening on port " + std::to_string(engine.port())
                            : "listening on no port: all goes through " + proxy);

    std::thread fuse_loop([&] {
        (*session)->run();
        stop.raise();
    });
    int exit_code = kSuccess;
    if (options.wait_s) tell_service_manager("STATUS=waiting for the files of all sources");
    if (options.wait_s) exit_code = wait_for_files(torrents, stop, readiness, wait_time(*options.wait_s));
    readiness.ready(exit_code);
    tell_service_manager("READY=1\nSTATUS=mounted at " + one_line(options.mountpoint.string()));
    stop.wait();
    tell_service_manager("STOPPING=1\nSTATUS=unmounting");
    end_guard.begin(Clock::now() + kLongestEnd,
                    options.mountpoint.string() +
                        ": the disk of the cache does not answer; what it did not take is "
                        "fetched again");

    // First waiting reads fail, so that no reader is left in the mount, and the mount goes; then the network.
    // The stores end together while the session does, since each may have to wait for the disk.
    (*session)->stop();
    fuse_loop.join();
    torrents.end();  // what others wait for fails
    control_socket.reset();
    web.reset();
    watched.clear();
    engine.stop();
    torrents.close_begin(Clock::now() + kLongestSync);
    session->reset();
    log::info("unmounted {}", options.mountpoint.string());
}

}  // namespace

int mount(const MountOptions& given) {
    MountOptions options = given;
    refuse_lone_source(options);
    for (std::filesystem::path* path :
         {&options.mountpoint, &options.cache_dir, &options.network.ip_filter, &options.network.proxy_file,
          &options.web.password_file, &options.log.file, &options.library})
        if (!path->empty()) *path = std::filesystem::absolute(*path);
    for (std::vector<std::filesystem::path>* folders : {&options.data, &options.watch})
        for (std::filesystem::path& folder : *folders) folder = std::filesystem::absolute(folder);
    const std::vector<SourceWord> words = settle_words(options.sources);
    take_passed_mount(options);

    int ready_fd = -1;
    if (!options.foreground) {
        int exit_code = kSuccess;
        ready_fd = fork_and_wait(exit_code);
        if (ready_fd < 0) return exit_code;
    }
    Readiness readiness(ready_fd);
    start_logging(options.log, !options.foreground);
    serve(options, words, readiness);
    return kSuccess;
}

}  // namespace btfs::cli
