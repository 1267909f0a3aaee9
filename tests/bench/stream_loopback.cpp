// Rate and CPU time of one stream over loopback, uTP or TCP, from one process to another.
//   unshare -n sh -c 'ip link set lo mtu 1500 up; stream_loopback utp 2000'     megabytes
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/net/connector.hpp"
#include "engine/net/tcp_stream.hpp"

using namespace btfs;
using namespace btfs::net;
using boost::asio::ip::tcp;

namespace {

constexpr std::uint16_t kPort = 26881;

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

/// One side: moves bytes one way, after one byte went from the dialler to the acceptor.
struct Side {
    boost::asio::io_context io;
    Connector connector{io, {.transport = Transport::both}};
    std::unique_ptr<Stream> stream;
    Bytes buffer = Bytes(256 * 1024);
    std::uint64_t left = 0;

    void write() {
        while (left > 0) {
            const iovec from[1] = {{buffer.data(), std::min<std::uint64_t>(buffer.size(), left)}};
            const auto n = stream->write(from);
            if (!n) std::abort();
            if (*n == 0) return stream->wait_writable([this](Error) { write(); });
            left -= *n;
        }
    }
    void read() {
        for (;;) {
            const iovec into[1] = {{buffer.data(), buffer.size()}};
            const auto n = stream->read(into);
            if (!n) std::abort();
            if (*n == 0) return stream->wait_readable([this](Error) { read(); });
            left -= std::min<std::uint64_t>(left, *n);
            if (left == 0) return io.stop();
        }
    }
};

void seed(bool utp, std::uint64_t bytes) {
    Side side;
    side.left = bytes;
    auto acceptor = side.connector.sockets().acceptor(AddressFamily::v4, kPort);
    side.connector.udp().open(kPort);
    side.connector.utp()->accept([&](std::unique_ptr<Stream> stream) {
        side.stream = std::move(stream);
        side.write();
    });
    if (!utp)
        acceptor->async_accept([&](Error, tcp::socket socket) {
            SocketFactory::prepare(socket);
            side.stream = std::make_unique<TcpStream>(std::move(socket), Endpoint());
            side.write();
        });
    side.io.run_for(std::chrono::seconds(60));
}

void report(const char* who, double rate, double cpu, std::uint64_t bytes) {
    std::printf("%s: %.1f MB/s, %.3f s CPU, %.2f s/GB\n", who, rate / 1e6, cpu,
                cpu / (static_cast<double>(bytes) / 1e9));
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const bool utp = argc > 1 && std::strcmp(argv[1], "utp") == 0;
    const std::uint64_t bytes = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000) * 1'000'000;
    const pid_t child = fork();
    if (child == 0) {
        seed(utp, bytes);
        return 0;
    }
    usleep(300'000);
    Side side;
    side.left = bytes;
    side.connector.udp().open(0);
    const Endpoint to{*Address::parse("127.0.0.1"), kPort};
    const auto begin = [&](std::unique_ptr<Stream> stream) {
        side.stream = std::move(stream);
        std::byte one{};
        const iovec from[1] = {{&one, 1}};
        (void)side.stream->write(from);
        side.read();
    };
    const TimePoint began = Clock::now();
    const auto dial = side.connector.dial(utp ? Transport::utp : Transport::tcp, to,
                                          [&](Result<StreamDial::Dialled> result) {
                                              if (!result) std::abort();
                                              begin(std::move(result->stream));
                                          });
    side.io.run_for(std::chrono::seconds(60));
    const double took = seconds(Clock::now() - began);
    report("reader", static_cast<double>(bytes - side.left) / took, cpu_seconds(), bytes);
    kill(child, SIGTERM);
    rusage usage{};
    int status = 0;
    wait4(child, &status, 0, &usage);
    report("seeder", static_cast<double>(bytes - side.left) / took,
           static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
           bytes);
}
