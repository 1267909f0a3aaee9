// Places for connections to the servers of web seeds, of all torrents together.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <string>

namespace btfs::net {

/// Bounds the connections to each server. A connection that is kept without a request gives its place to one
/// that has a request. On the engine thread.
class HostPlaces {
  public:
    /// Connections to one host and port: two torrents may use a server at full speed at a time.
    static constexpr std::size_t kMaxPerHost = 8;

    /// One connection's place; its destruction frees it.
    class Place {
      public:
        Place() = default;
        Place(Place&& other) noexcept { *this = std::move(other); }
        Place& operator=(Place&& other) noexcept;
        ~Place() { free(); }
        explicit operator bool() const { return places_ != nullptr; }
        void free();

      private:
        friend class HostPlaces;
        HostPlaces* places_ = nullptr;
        std::string host_;
        std::list<std::function<bool()>>::iterator self_;
    };

    HostPlaces() = default;
    HostPlaces(const HostPlaces&) = delete;
    HostPlaces& operator=(const HostPlaces&) = delete;

    /// Returns a place, or an empty one if there is none. `give_up` is called when another connection needs
    /// the place: it frees it and returns true, or returns false if it is in use.
    Place take(const std::string& host, std::function<bool()> give_up);
    std::size_t taken(const std::string& host) const;

  private:
    std::map<std::string, std::list<std::function<bool()>>> hosts_;
};

}  // namespace btfs::net
