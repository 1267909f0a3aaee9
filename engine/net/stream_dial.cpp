#include "engine/net/stream_dial.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "engine/net/asio_endpoint.hpp"
#include "engine/net/tcp_stream.hpp"

namespace btfs::net {
namespace {

using boost::asio::ip::tcp;

class TcpDial final : public StreamDial {
  public:
    TcpDial(tcp::socket socket, const Endpoint& to, Done done)
        : socket_(std::move(socket)), done_(std::move(done)) {
        socket_.async_connect(to_asio<tcp>(to), [this, to, alive = std::weak_ptr(alive_)](Error error) {
            if (alive.expired()) return;
            const Done ended = std::move(done_);  // it may destroy this
            if (error) return ended(error);
            ended(Dialled{std::make_unique<TcpStream>(std::move(socket_), to), Clock::now() - began_});
        });
    }

  private:
    tcp::socket socket_;
    Done done_;
    const TimePoint began_ = Clock::now();
    /// A handler that is queued finds out whether this is still there.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>();
};

class VainDial final : public StreamDial {
  public:
    VainDial(boost::asio::io_context& io, Error error, Done done) : done_(std::move(done)) {
        boost::asio::post(io, [this, error, alive = std::weak_ptr(alive_)] {
            if (alive.expired()) return;
            const Done ended = std::move(done_);
            ended(error);
        });
    }

  private:
    Done done_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>();
};

}  // namespace

std::unique_ptr<StreamDial> dial_tcp(tcp::socket socket, const Endpoint& to, StreamDial::Done done) {
    return std::make_unique<TcpDial>(std::move(socket), to, std::move(done));
}

std::unique_ptr<StreamDial> dial_in_vain(boost::asio::io_context& io, Error error, StreamDial::Done done) {
    return std::make_unique<VainDial>(io, error, std::move(done));
}

}  // namespace btfs::net
