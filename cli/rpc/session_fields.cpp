#include "cli/rpc/session_fields.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "cli/rpc/transmission_rpc.hpp"

namespace btfs::cli {
namespace {

constexpr std::uint64_t kKilo = 1000;

const char* encryption_name(Encryption encryption, RpcForm form) {
    if (encryption == Encryption::require) return "required";
    if (encryption == Encryption::prefer) return "preferred";
    return form == RpcForm::old ? "tolerated" : "allowed";
}

boost::json::object units(RpcForm form) {
    const auto name = [&](std::string_view snake) { return dashed_name(form, snake); };
    return {{name("speed_units"), {"B/s", "kB/s", "MB/s", "GB/s", "TB/s"}},
            {name("speed_bytes"), kKilo},
            {name("size_units"), {"B", "kB", "MB", "GB", "TB"}},
            {name("size_bytes"), kKilo},
            {name("memory_units"), {"B", "KiB", "MiB", "GiB", "TiB"}},
            {name("memory_bytes"), 1024}};
}

}  // namespace

SessionRates SessionRates::of(const EngineOptions& engine) {
    const auto setting = [](std::optional<std::uint64_t> bytes) {
        const std::uint64_t kB = std::min<std::uint64_t>(bytes.value_or(0) / kKilo, 0xffff'ffff);
        return RateSetting{bytes.has_value(), static_cast<std::uint32_t>(kB), bytes.value_or(0)};
    };
    SessionRates rates;
    rates.down = setting(engine.download_limit);
    rates.up = setting(engine.uploads ? engine.upload_limit : std::optional<std::uint64_t>(0));
    if (!engine.uploads) rates.alternative_up_kB = 0;
    return rates;
}

boost::json::object session_fields(const SessionFacts& facts, RpcForm form) {
    const EngineOptions& engine = facts.engine;
    const bool tcp = engine.transport != net::Transport::utp;
    const bool utp = engine.transport != net::Transport::tcp;
    boost::json::array transports;
    if (utp) transports.emplace_back("utp");
    if (tcp) transports.emplace_back("tcp");
    return {
        {"alt_speed_down", facts.rates.alternative_down_kB},
        {"alt_speed_enabled", facts.rates.alternative_is_on},
        {"alt_speed_time_begin", 0},
        {"alt_speed_time_day", 0},
        {"alt_speed_time_enabled", false},
        {"alt_speed_time_end", 0},
        {"alt_speed_up", facts.rates.alternative_up_kB},
        {"anti_brute_force_enabled", true},
        {"blocklist_enabled", facts.filtered_ranges.has_value()},
        {"blocklist_size", facts.filtered_ranges.value_or(0)},
        {"blocklist_url", ""},
        {"cache_size_mib", 0},
        {"config_dir", ""},
        {"default_trackers", ""},
        {"dht_enabled", engine.dht.has_value()},
        {"download_dir", facts.download_dir},
        {"download_dir_free_space", facts.free_bytes},
        {"download_queue_enabled", false},
        {"download_queue_size", 0},
        {"encryption", encryption_name(engine.encryption, form)},
        {"idle_seeding_limit", 0},
        {"idle_seeding_limit_enabled", false},
        {"incomplete_dir", ""},
        {"incomplete_dir_enabled", false},
        {"lpd_enabled", engine.lsd},
        {"peer_limit_global", engine.max_connections > 0
                                  ? engine.max_connections
                                  : std::size_t{EngineOptions::kDefaultMaxConnections}},
        {"peer_limit_per_torrent", engine.max_peers},
        {"peer_port", facts.peer_port},
        {"peer_port_random_on_start", false},
        {"pex_enabled", engine.pex},
        {"port_forwarding_enabled", engine.port_mapping},
        {"preferred_transports", std::move(transports)},
        {"queue_stalled_enabled", false},
        {"queue_stalled_minutes", 0},
        {"rename_partial_files", false},
        {"rpc_version", 18},
        {"rpc_version_minimum", 14},
        {"rpc_version_semver", TransmissionRpc::kVersion},
        {"script_torrent_added_enabled", false},
        {"script_torrent_added_filename", ""},
        {"script_torrent_done_enabled", false},
        {"script_torrent_done_filename", ""},
        {"script_torrent_done_seeding_enabled", false},
        {"script_torrent_done_seeding_filename", ""},
        {"seed_queue_enabled", false},
        {"seed_queue_size", 0},
        {"seed_ratio_limit", engine.seed_goals.ratio.value_or(0)},
        {"seed_ratio_limited", engine.seed_goals.ratio.has_value()},
        {"sequential_download", true},
        {"session_id", facts.session_id},
        {"speed_limit_down", facts.rates.down.kB},
        {"speed_limit_down_enabled", facts.rates.down.is_on},
        {"speed_limit_up", facts.rates.up.kB},
        {"speed_limit_up_enabled", facts.rates.up.is_on},
        {"start_added_torrents", facts.starts_added},
        {"tcp_enabled", tcp},
        {"trash_original_torrent_files", false},
        {"units", units(form)},
        {"utp_enabled", utp},
        // Clients want a number of Transmission's first: those before 2.40 had another "status".
        {"version", "4.1.0 (btfs " BTFS_VERSION ")"},
    };
}

bool is_read_only(std::string_view snake_case_name) {
    constexpr std::array<std::string_view, 9> kReadOnly{"blocklist_size",
                                                        "config_dir",
                                                        "download_dir_free_space",
                                                        "rpc_version",
                                                        "rpc_version_minimum",
                                                        "rpc_version_semver",
                                                        "session_id",
                                                        "units",
                                                        "version"};
    return std::ranges::find(kReadOnly, snake_case_name) != kReadOnly.end();
}

}  // namespace btfs::cli
