// A TCP connection as a Stream.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "engine/net/stream.hpp"

namespace btfs::net {

class TcpStream final : public Stream {
  public:
    enum class Way : std::uint8_t {
        direct,
        tunnel,  ///< through a proxy: the socket's round trips and far address are the proxy's
    };
    TcpStream(boost::asio::ip::tcp::socket socket, const Endpoint& remote, Way way = Way::direct);

    Result<std::size_t> read(std::span<const iovec> into) override;
    Result<std::size_t> write(std::span<const iovec> from) override;
    void set_receive_low_water(std::size_t bytes) override;
    void acknowledge_soon() override;
    std::optional<RoundTrip> round_trip() override;
    std::optional<Reception> reception() override;
    void wait_readable(Ready ready) override;
    void wait_writable(Ready ready) override;
    const Endpoint& remote() const override { return remote_; }
    Address local() const override;
    Address next_host() const override;

  private:
    boost::asio::ip::tcp::socket socket_;
    Endpoint remote_;
    Way way_;
    std::size_t low_water_ = 1;
};

}  // namespace btfs::net
