// The web server's answers, but for the bytes of files and the events of a listener.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/http/password_gate.hpp"
#include "cli/service/mount_control.hpp"
#include "cli/service/served_torrents.hpp"
#include "cli/web/web_message.hpp"

namespace btfs::cli {

/// The paths, of which MANUAL.md tells users:
/// - `/` and the files of the page;
/// - `/api/status`: mount_json(), with "streams" and "playlists", the beginnings of their paths;
/// - `/api/torrents/HASH`: torrent_details_json() of the torrent with that info-hash, and the same two;
/// - `/api/events`: StatusEvents, without an end;
/// - `/api/control`: a POST of a request as MountControl has them, in JSON; its answer, or status 400 and
///   {"error": "..."};
/// - `/metrics`: metrics_text();
/// - `/stream/TOKEN/PATH`: a file of the mount; `/playlist/TOKEN/PATH`: an M3U playlist of a folder.
/// All but the last two ask for the password, if there is one. From any thread.
class WebSite {
  public:
    struct Options {
        std::string token;                    ///< stream_token()
        std::optional<std::string> password;  ///< nothing: none is asked for
        std::vector<std::string> names;       ///< that this machine has, beside its addresses
        bool control = true;                  ///< false: nothing can be changed
    };

    /// Answers what lies at one path.
    using Handler = std::function<WebReply(const WebRequest&)>;

    /// It outlives this.
    WebSite(ServedTorrents& torrents, Options options);

    enum class Methods { reading, any };

    /// Adds a path, which asks for the password. Before requests come.
    void add(std::string path, Methods methods, Handler handler) {
        places_[std::move(path)] = {methods, std::move(handler)};
    }

    /// Returns the answer to a request that is not carried out: it has the wrong host or no login, or a page
    /// of another site sent it. Nothing: answer() may be called. Does not wait.
    std::optional<WebReply> refuse(const WebRequest& request, TimePoint now);
    /// Answers all but streams. May wait for the disk, not for the network.
    WebReply answer(const WebRequest& request);

    /// Returns the path in the mount that a request for a stream names; nothing if it is none, or its token
    /// is wrong.
    std::optional<std::string_view> stream_path(const WebRequest& request) const;
    static bool is_events(const WebRequest& request) { return request.path == "/api/events"; }
    /// Returns the answer to a request whose body is not to be read: an answer may last for hours, and would
    /// keep the body in memory. Nothing: the path takes bodies.
    std::optional<WebReply> refuse_body(const WebRequest& request) const;

    ServedTorrents& torrents() { return torrents_; }

  private:
    WebReply control(const WebRequest& request);
    WebReply status();
    WebReply details(std::string_view info_hash);
    /// Adds where streams and playlists are.
    boost::json::object with_places(boost::json::object json) const;
    WebReply make_playlist(std::string_view path, const WebRequest& request);

    ServedTorrents& torrents_;
    MountControl control_;
    const std::string streams_, playlists_;  ///< "/stream/TOKEN/"
    const std::vector<std::string> names_;
    struct Place {
        Methods methods = Methods::reading;
        Handler handler;
    };
    std::map<std::string, Place, std::less<>> places_;

    std::mutex gate_mutex_;
    PasswordGate gate_;  // guarded by gate_mutex_
};

}  // namespace btfs::cli
