// TransmissionRpc: a mount that remotes made for Transmission control.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/rpc/recent_changes.hpp"
#include "cli/rpc/rpc_arguments.hpp"
#include "cli/rpc/rpc_message.hpp"
#include "cli/rpc/session_fields.hpp"
#include "cli/rpc/torrent_view.hpp"
#include "cli/service/served_torrents.hpp"

namespace btfs::cli {

/// A request at /transmission/rpc, after address, login, Host and path were checked.
struct RpcRequest {
    std::string_view method;                     ///< of HTTP
    std::optional<std::string_view> session_id;  ///< the header X-Transmission-Session-Id
    std::string_view body;
};

struct RpcReply {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

/// Answers requests in both forms of Transmission's RPC. A request without the right session id gets 409 with
/// the id, whatever its method: this keeps pages of other sites out, and is how clients log in. From any
/// thread; waits for the disk as ServedTorrents does.
class TransmissionRpc {
  public:
    /// The file of addresses that are no peers of ours. Null: there is none.
    struct IpFilter {
        /// Rereads the file, waits for that, and returns range_count(). Throws Failure.
        std::function<std::size_t()> reread = {};
        std::function<std::size_t()> range_count = {};
    };
    struct Options {
        std::filesystem::path mountpoint;  ///< absolute; with or without a slash at its end
        std::filesystem::path library;     ///< of the Library; empty: there is none
        EngineOptions engine;              ///< that the mount has
        /// Ends the mount, some time after it was called.
        std::function<void()> close = [] {};
        IpFilter ip_filter = {};
    };

    /// The version of Transmission's RPC that is spoken.
    static constexpr std::string_view kVersion = "6.0.0";

    /// `torrents` outlives this.
    TransmissionRpc(ServedTorrents& torrents, Options options);

    RpcReply handle(const RpcRequest& request);
    const std::string& session_id() const { return session_id_; }

  private:
    using Json = boost::json::object;

    /// State of all torrents, from which one request is answered.
    struct Snapshot {
        std::vector<TorrentReport> torrents;
        RpcMount mount;
        RecentChanges::Recent recent;
    };

    Json call(const RpcCall& call);
    Json torrent_get(const RpcCall& call, const RpcArguments& arguments);
    Json torrent_add(const RpcCall& call, const RpcArguments& arguments);
    Json torrent_remove(const RpcCall& call, const RpcArguments& arguments);
    Json torrent_set(const RpcCall& call, const RpcArguments& arguments);
    Json torrent_reannounce(const RpcCall& call, const RpcArguments& arguments);
    Json queue_move(const RpcCall& call, const RpcArguments& arguments);
    Json torrent_start(const RpcCall& call, const RpcArguments& arguments);
    Json torrent_stop(const RpcCall& call, const RpcArguments& arguments);
    Json torrent_verify(const RpcCall& call, const RpcArguments& arguments);
    Json refused_action(const RpcCall& call, const RpcArguments& arguments);
    Json session_get(const RpcCall& call, const RpcArguments& arguments);
    Json session_set(const RpcCall& call, const RpcArguments& arguments);
    Json session_stats(const RpcCall& call, const RpcArguments& arguments);
    Json session_close(const RpcCall& call, const RpcArguments& arguments);
    Json free_space(const RpcCall& call, const RpcArguments& arguments);
    Json port_test(const RpcCall& call, const RpcArguments& arguments);
    Json blocklist_update(const RpcCall& call, const RpcArguments& arguments);
    Json group_get(const RpcCall& call, const RpcArguments& arguments);
    Json group_set(const RpcCall& call, const RpcArguments& arguments);

    Snapshot snapshot();
    /// The torrents that are meant, by their places in the snapshot, each once. Ids that are not there are
    /// left out.
    std::vector<std::size_t> chosen(const Snapshot& snapshot, const RpcIds& ids);
    /// Does something with each torrent that is meant. One that has gone meanwhile is left out; where one
    /// fails, the rest is done before the first exception is thrown on.
    void each(const RpcIds& ids, const std::function<void(const TorrentReport&)>& act);
    std::string label_of(const std::string& download_dir) const;
    std::string download_dir() const;
    SessionFacts session_facts();
    /// Throws RpcError for limits that the mount cannot have. rates_mutex_ is held.
    void set_rates(const SessionRates& rates);

    ServedTorrents& torrents_;
    const Options options_;
    const std::string session_id_;
    const TimePoint made_ = Clock::now();
    RecentChanges changes_;

    std::mutex rates_mutex_;
    SessionRates rates_;                     // guarded by rates_mutex_
    std::atomic<bool> starts_added_ = true;  ///< torrents that are added, unless the request says otherwise
};

}  // namespace btfs::cli
