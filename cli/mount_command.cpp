#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cstdlib>
#include <ctime>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "cache/cache_dir.hpp"
#include "cache/disk_pool.hpp"
#include "cache/piece_memory.hpp"
#include "cache/torrent_store.hpp"
#include "cli/commands.hpp"
#include "cli/detach.hpp"
#include "cli/engine_demand.hpp"
#include "cli/exit_codes.hpp"
#include "cli/failure.hpp"
#include "cli/logging.hpp"
#include "cli/mount_record.hpp"
#include "cli/peer_addresses.hpp"
#include "cli/stop_signal.hpp"
#include "cli/torrent_file.hpp"
#include "engine/session/engine.hpp"
#include "fs/filesystem.hpp"
#include "fs/fuse_session.hpp"
#include "fs/mountpoint.hpp"

namespace btfs::cli {
namespace {

constexpr unsigned kDiskThreads = 3;

/// A torrent of this mount, and all that serves it.
struct Served {
    Metainfo metainfo;
    std::unique_ptr<TorrentStore> store;
    std::unique_ptr<EngineDemand> demand;
};

std::filesystem::path default_cache_dir() {
    if (const char* dir = std::getenv("XDG_CACHE_HOME"); dir && *dir == '/')
        return std::filesystem::path(dir) / "btfs";
    if (const char* home = std::getenv("HOME"); home && *home)
        return std::filesystem::path(home) / ".cache" / "btfs";
    throw Failure("no cache directory: set HOME, or give --cache-dir");
}

/// Each torrent once, whatever names it was given by.
std::list<Served> load(const std::vector<std::string>& sources) {
    std::list<Served> torrents;
    std::set<std::string> seen;
    for (const std::string& source : sources) {
        Served served{load_torrent(source), nullptr, nullptr};
        if (seen.insert(served.metainfo.identity.cache_key()).second) torrents.push_back(std::move(served));
    }
    return torrents;
}

/// Many peers and many torrents need many descriptors.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// The same at every mount, as media servers expect.
std::int64_t modification_time(const Metainfo& torrent, const CacheDir& cache_dir) {
    const std::int64_t created = torrent.creation_date.value_or(0);
    return created > 0 ? created : cache_dir.first_seen(torrent.identity);
}

void serve(const MountOptions& options, Readiness& readiness) {
    StopSignal stop;
    raise_descriptor_limit();
    // What can be wrong is looked at before anything is written.
    std::list<Served> loaded = load(options.sources);
    const std::vector<HostPort> peers = parse_peers(options.network.peers);
    if (const auto unusable = prepare_mountpoint(options.mountpoint.string())) throw Failure(*unusable);

    // In this order, so that each outlives what uses it.
    DiskPool pool(kDiskThreads);
    PieceMemory memory;
    std::list<Served> torrents = std::move(loaded);
    Engine engine({.port = options.network.port,
                   .max_peers = options.network.max_peers,
                   .background = options.background});
    if (auto opened = engine.open(); !opened)
        throw Failure("port " + std::to_string(options.network.port), opened.error());
    const std::filesystem::path cache_path =
        options.cache_dir.empty() ? default_cache_dir() : options.cache_dir;
    auto cache_dir = CacheDir::open(cache_path);
    if (!cache_dir) throw Failure("cache directory " + cache_path.string(), cache_dir.error());
    for (Served& t : torrents) {
        auto store = cache_dir->open_torrent({t.metainfo.identity, t.metainfo.layout, t.metainfo.hashes},
                                             pool, memory);
        if (!store) throw Failure(t.metainfo.name, store.error());
        t.store = std::move(*store);
    }

    Filesystem filesystem;
    for (Served& t : torrents) {
        const TorrentHandle handle =
            engine.add({t.metainfo.name, t.metainfo.identity, t.metainfo.layout, *t.store,
                        t.metainfo.trackers, t.metainfo.is_private, t.metainfo.info_bytes, peers});
        t.demand = std::make_unique<EngineDemand>(engine, handle);
        const Sha1Digest info_hash = t.metainfo.identity.wire_hash();
        filesystem.add(
            {info_hash, t.metainfo.files, *t.store, *t.demand, modification_time(t.metainfo, *cache_dir)});
    }
    engine.start();

    btfs::MountOptions mount_options{.mountpoint = options.mountpoint.string(),
                                     .options = options.fuse_options,
                                     .read_timeout = std::nullopt};
    if (options.read_timeout_s > 0) mount_options.read_timeout = from_seconds(options.read_timeout_s);
    auto session = FuseSession::mount(filesystem, mount_options);
    if (!session) throw Failure(session.error().message);
    const auto kernel_mount = find_mount(options.mountpoint);
    std::optional<MountRecord> record;
    if (kernel_mount) record.emplace(*kernel_mount);
    spdlog::info("mounted {} torrent(s) at {}, listening on port {}", torrents.size(),
                 options.mountpoint.string(), engine.port());

    std::thread fuse_loop([&] {
        (*session)->run();
        stop.raise();
    });
    readiness.ready();
    stop.wait();

    // Waiting reads fail first, so that nobody is left in the mount; then the mount goes; then the network.
    (*session)->stop();
    fuse_loop.join();
    session->reset();
    engine.stop();
    spdlog::info("unmounted {}", options.mountpoint.string());
}

}  // namespace

int mount(const MountOptions& given) {
    MountOptions options = given;
    for (std::filesystem::path* path : {&options.mountpoint, &options.cache_dir, &options.log.file})
        if (!path->empty()) *path = std::filesystem::absolute(*path);
    for (std::string& source : options.sources) source = std::filesystem::absolute(source).string();

    int ready_fd = -1;
    if (!options.foreground) {
        int exit_code = kSuccess;
        ready_fd = fork_and_wait(exit_code);
        if (ready_fd < 0) return exit_code;
    }
    Readiness readiness(ready_fd);
    start_logging(options.log, !options.foreground);
    serve(options, readiness);
    return kSuccess;
}

}  // namespace btfs::cli
