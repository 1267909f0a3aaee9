#include <functional>
#include <iostream>
#include <utility>

#include "cache/disk/disk_pool.hpp"
#include "cache/disk/linux_files.hpp"
#include "cache/seed_store.hpp"
#include "cli/commands.hpp"
#include "cli/content_tree.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/process/stop_signal.hpp"
#include "cli/settings/engine_options.hpp"
#include "cli/settings/interfaces.hpp"
#include "cli/settings/ip_filter_file.hpp"
#include "cli/settings/logging.hpp"
#include "cli/settings/peer_addresses.hpp"
#include "cli/sources/torrent_file.hpp"
#include "engine/log/log.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {
namespace {

constexpr unsigned kSeedDiskThreads = 2;

}  // namespace

int seed(const SeedOptions& options) {
    start_logging(options.log, false);
    raise_descriptor_limit();
    const std::vector<HostPort> peers = parse_addresses("--peer", options.network.peers);
    auto ip_filter = load_ip_filter(options.network.ip_filter);
    MadeTorrent made = make_torrent(options.create);
    warn_of_left_out(made);
    auto parsed = parse_torrent(made.torrent);
    if (!parsed) throw Failure("the torrent of " + options.create.path.string(), parsed.error());
    const std::filesystem::path output =
        options.create.output.empty() ? std::filesystem::path(made.name + ".torrent") : options.create.output;
    write_file(output, made.torrent);

    std::function<void()> reread_filter = [] {};
    StopSignal stop([&reread_filter] {  // made after hashing, so that Ctrl-C ends hashing
        log::reopen();
        reread_filter();
    });
    DiskPool pool(kSeedDiskThreads);
    LinuxFiles files;
    auto store =
        SeedStore::open({parsed->layout, std::move(made.files), std::move(made.hashed)}, files, pool);
    if (!store) throw Failure(options.create.path.string(), store.error());
    EngineOptions settings = engine_options(options.network);
    settings.super_seed = options.super_seed;
    Engine engine(settings);
    if (auto opened = engine.open(); !opened)
        throw Failure("port " + std::to_string(options.network.port), opened.error());
    IpFilterReader filter_reader(options.network.ip_filter, std::move(ip_filter), engine);
    reread_filter = [&filter_reader] { filter_reader.reread(); };
    engine.start();
    engine.add({parsed->name, parsed->identity,
                KnownContent{parsed->layout, **store, parsed->info_bytes, parsed->is_private},
                parsed->trackers, peers});

    std::cout << "torrent: " << output.string() << '\n';
    if (const std::string proxy = engine.proxy_url(); proxy.empty()) {
        std::cout << "peer:    " << Endpoint{own_address(settings.binding), engine.port()}.text()
                  << std::endl;
    } else {
        std::cout << "proxy:   " << proxy << "; nobody can connect to this seed" << std::endl;
    }
    stop.wait();
    engine.stop();
    return kSuccess;
}

}  // namespace btfs::cli
