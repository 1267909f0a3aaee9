// Fields of torrents, as torrent-get of Transmission's RPC has them.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/rpc/rpc_names.hpp"
#include "cli/rpc/torrent_view.hpp"

namespace btfs::cli {

struct TorrentField {
    using Get = boost::json::value (*)(const TorrentView& torrent, RpcForm form);

    std::string_view name;  ///< in snake_case
    Get get;
    bool needs_content = false;   ///< of TorrentView::content
    bool needs_details = false;   ///< of TorrentView::details, if there are few torrents
    bool needs_trackers = false;  ///< of TorrentView::trackers, if there are not very many
};

/// Returns null for a field that there is not, or that cannot be answered truly.
const TorrentField* find_torrent_field(std::string_view snake_case_name);

}  // namespace btfs::cli
