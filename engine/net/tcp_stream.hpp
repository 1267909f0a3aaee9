// A TCP connection as a Stream.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "engine/net/stream.hpp"

namespace btfs::net {

class TcpStream final : public Stream {
  public:
    TcpStream(boost::asio::ip::tcp::socket socket, const Endpoint& remote);

    Result<std::size_t> read(std::span<const iovec> into) override;
    Result<std::size_t> write(std::span<const iovec> from) override;
    void set_receive_low_water(std::size_t bytes) override;
    void acknowledge_soon() override;
    std::optional<RoundTrip> round_trip() override;
    void wait_readable(Ready ready) override;
    void wait_writable(Ready ready) override;
    const Endpoint& remote() const override { return remote_; }
    Address local() const override;

  private:
    boost::asio::ip::tcp::socket socket_;
    Endpoint remote_;
    std::size_t low_water_ = 1;
};

}  // namespace btfs::net
