#include "engine/portmap/port_mapper.hpp"

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/core/address_scope.hpp"
#include "engine/log/log.hpp"
#include "engine/portmap/boot_time.hpp"
#include "engine/portmap/default_gateway.hpp"
#include "engine/portmap/mapping_schedule.hpp"
#include "engine/portmap/natpmp_gateway.hpp"
#include "engine/portmap/pcp_gateway.hpp"
#include "engine/portmap/pinhole_gateway.hpp"
#include "engine/portmap/upnp_gateway.hpp"

namespace btfs::portmap {
namespace {

/// Interval between checks for another router. A check asks only the kernel.
constexpr Duration kLookInterval = 10s;

/// Protocol of gateways, in the order in which they are asked.
struct Protocol {
    const char* name;
    std::function<Result<std::unique_ptr<PortGateway>>(const Router&)> find;
};

/// Returns the default router if it is one that may map ports or open its firewall. Its address is private,
/// as in home networks and carriers' NATs, or link-local, as the addresses of IPv6 routers are. Only a global
/// IPv6 address of ours is reached from outside.
std::optional<Router> promising_router(AddressFamily family) {
    auto router = default_router(family);
    if (!router || !router->address.is_private()) return std::nullopt;
    if (family == AddressFamily::v6 && is_local(router->own)) return std::nullopt;
    return router;
}

/// Fills from the kernel's generator, which works in a thread that outlives main(), as OpenSSL's may not.
void fill_from_kernel(std::span<std::byte> out) {
    while (getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) {
    }
}

}  // namespace

/// Mappings of one family: through the NAT of an IPv4 router, or through the firewall of an IPv6 router.
class PortMapper::Work {
  public:
    Work(AddressFamily family, ReachablePorts own, OnPorts on_ports)
        : family_(family),
          label_(family == AddressFamily::v4 ? "port mapping" : "IPv6 pinholes"),
          on_ports_(std::move(on_ports)),
          ports_{{Transport::tcp, "TCP", own.tcp, {}}, {Transport::udp, "UDP", own.udp, {}}},
          told_(own) {
        protocols_.push_back(
            {"PCP", [this](const Router& router) { return find_pcp_gateway(router, pcp_); }});
        if (family == AddressFamily::v4) {
            protocols_.push_back({"NAT-PMP", [](const Router& r) { return find_natpmp_gateway(r.address); }});
            protocols_.push_back({"UPnP", [](const Router& r) { return find_upnp_gateway(r.address); }});
        } else {
            protocols_.push_back({"UPnP", find_pinhole_gateway});
        }
    }

    // ---- called by the thread ----
    void run() {
        while (wait_for_work()) {
            map_all();
            set(asking_, false);
        }
        unmap_all();
        std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }

    // ---- called by other threads ----
    void look_now() {
        std::lock_guard lock(mutex_);
        look_ = true;
        changed_.notify_all();
    }
    void begin_stop() {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    /// Returns true if the thread has ended by the deadline. Returns false at once while the thread searches
    /// for a gateway. In either case on_ports is not called any more.
    bool wait_for_end(TimePoint deadline) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !telling_; });
        if (asking_ && !has_gateway_) return false;
        return changed_.wait_until(lock, deadline, [this] { return ended_; });
    }

  private:
    struct Lease {
        std::uint16_t external_port;
        TimePoint end;  ///< in boot_time()
    };
    struct Port {
        Transport transport;
        const char* name;
        std::uint16_t own;
        std::optional<Lease> lease;

        std::uint16_t reachable() const { return lease ? lease->external_port : own; }
    };

    bool stopping() {
        std::lock_guard lock(mutex_);
        return stopping_;
    }

    /// Waits until mappings are due. Returns false once the thread has to end.
    bool wait_for_work() {
        for (;;) {
            look_at_router();
            if (stopping()) return false;
            if (router_ && boot_time() >= schedule_.due()) {
                set(asking_, true);
                return true;
            }
            const Duration due_in = router_ ? schedule_.due() - boot_time() : kNever - TimePoint{};
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, std::min<Duration>(kLookInterval, due_in),
                              [this] { return stopping_ || look_; });
            look_ = false;
            if (stopping_) return false;
        }
    }

    void look_at_router() {
        const auto router = promising_router(family_);
        if (router == router_) return;
        router_ = router;
        use(nullptr);
        pcp_.reset();
        external_address_ = {};
        complained_ = false;
        schedule_.handle_new_router();
        for (Port& port : ports_) port.lease.reset();
        tell();
    }

    void map_all() {
        shortest_ = kMappingLease;
        refusal_lasts_ = {};
        // A gateway that was found is asked again as long as it grants what it is asked for.
        const bool all = (gateway_ && map_ports()) || find_and_map();
        if (stopping()) return;
        for (Port& port : ports_)
            if (port.lease && port.lease->end <= boot_time()) port.lease.reset();
        if (!all) {
            schedule_.handle_failure(boot_time(), refusal_lasts_);
        } else if (gateway_->take_loss()) {
            log::info("{}: {} lost its mappings", label_, gateway_->name());
            schedule_.handle_loss(boot_time());
        } else {
            schedule_.handle_mapped(shortest_, boot_time());
        }
        tell();
    }

    /// Asks by one protocol after the other, until the router maps a port. Returns true if it maps all.
    bool find_and_map() {
        bool found_any = false;
        for (const Protocol& protocol : protocols_) {
            if (stopping()) return false;
            log::debug("{}: asking {} by {}", label_, router_->address.text(), protocol.name);
            auto found = protocol.find(*router_);
            if (!found) {
                log::debug("{}: {}: {}", label_, protocol.name, found.error().message());
                continue;
            }
            found_any = true;
            use(std::move(*found));
            if (stopping()) return false;
            if (map_ports()) return true;
            if (has_lease()) return false;
            use(nullptr);  // it gives nothing, and the end need not wait for it
        }
        if (!found_any)
            complain("the router {} offers none of {}", router_->address.text(), protocol_names());
        return false;
    }

    /// Returns true if the gateway maps all ports.
    bool map_ports() {
        bool is_first = true;
        for (Port& port : ports_) {
            if (stopping()) return false;
            if (port.own == 0) continue;
            if (!map(port)) return false;
            // A loss that the first reply shows came before these mappings, which are all made after it.
            if (std::exchange(is_first, false) && gateway_->take_loss())
                log::debug("{}: {} had lost its mappings", label_, gateway_->name());
        }
        if (const auto address = gateway_->external_address(); !address) {
            log::debug("{}: the external address: {}", label_, address.error().message());
        } else if (external_address_ != *address) {
            external_address_ = *address;
            log::info("{}: {}, our external address is {}", label_, gateway_->name(), address->text());
        }
        return true;
    }

    bool has_lease() const {
        return std::ranges::any_of(ports_, [](const Port& port) { return port.lease.has_value(); });
    }

    std::string protocol_names() const {
        std::string names;
        for (const Protocol& protocol : protocols_) {
            if (!names.empty()) names += ", ";
            names += protocol.name;
        }
        return names;
    }

    void use(std::unique_ptr<PortGateway> gateway) {
        gateway_ = std::move(gateway);
        set(has_gateway_, gateway_ != nullptr);
    }

    void set(bool& shared, bool value) {
        std::lock_guard lock(mutex_);
        shared = value;
    }

    bool map(Port& port) {
        // Peers use the port that they know for both transports, so ask for the same external port for UDP as
        // for TCP.
        const std::uint16_t wanted = port.lease                  ? port.lease->external_port
                                     : port.own == ports_[0].own ? ports_[0].reachable()
                                                                 : port.own;
        log::debug("{}: asking for {} port {}", label_, port.name, wanted);
        const auto mapping = gateway_->map(port.transport, port.own, wanted);
        if (!mapping) {
            refusal_lasts_ = std::max(refusal_lasts_, gateway_->refusal_lasts());
            complain("{} port {}: {}", port.name, port.own, mapping.error().message());
            return false;
        }
        const bool for_good = mapping->lease == std::chrono::seconds::zero();
        const std::string time = for_good ? "for good" : fmt::format("for {} s", mapping->lease.count());
        const bool is_new = !port.lease || port.lease->external_port != mapping->external_port;
        log::at(is_new ? log::Level::info : log::Level::debug,
                "{}: {} port {} is reached from outside at port {}, {}", label_, port.name, port.own,
                mapping->external_port, time);
        port.lease = {mapping->external_port, for_good ? kNever : boot_time() + mapping->lease};
        if (!for_good) shortest_ = std::min(shortest_, mapping->lease);
        return true;
    }

    void unmap_all() {
        if (!gateway_) return;
        for (Port& port : ports_) {
            if (!port.lease) continue;
            const Error error = gateway_->unmap(port.transport, port.own, port.lease->external_port);
            log::debug("{}: {} port {} is given back: {}", label_, port.name, port.lease->external_port,
                       error ? error.message() : "done");
        }
    }

    /// Logs at info once for each router, else at debug: a network that cannot map ports usually never can.
    template <class... Args>
    void complain(fmt::format_string<Args...> format, Args&&... args) {
        const std::string text = fmt::format(format, std::forward<Args>(args)...);
        log::at(complained_ ? log::Level::debug : log::Level::info,
                "{}: {}; peers may not be able to connect to us", label_, text);
        complained_ = true;
    }

    void tell() {
        const ReachablePorts ports{ports_[0].reachable(), ports_[1].reachable()};
        if (ports == told_) return;
        told_ = ports;
        {
            std::lock_guard lock(mutex_);
            if (stopping_) return;
            telling_ = true;
        }
        on_ports_(ports);
        std::lock_guard lock(mutex_);
        telling_ = false;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;     // guarded by mutex_
    bool look_ = false;         // guarded by mutex_
    bool telling_ = false;      // guarded by mutex_
    bool ended_ = false;        // guarded by mutex_
    bool asking_ = false;       // guarded by mutex_
    bool has_gateway_ = false;  // guarded by mutex_

    // Used by the thread alone.
    const AddressFamily family_;
    const char* const label_;  ///< for the log
    std::vector<Protocol> protocols_;
    PcpServerState pcp_{fill_from_kernel};
    const OnPorts on_ports_;
    Port ports_[2];  ///< TCP, UDP
    ReachablePorts told_;
    MappingSchedule schedule_;
    std::optional<Router> router_;
    std::chrono::seconds shortest_{};       ///< lease of those that were mapped last
    std::chrono::seconds refusal_lasts_{};  ///< by the word of those that refused last
    std::unique_ptr<PortGateway> gateway_;  ///< the last that was found at this router; uses pcp_
    std::optional<Address> external_address_;
    bool complained_ = false;
};

void PortMapper::start(ReachablePorts own, OnPorts on_ports) {
    works_ = {std::make_shared<Work>(AddressFamily::v4, own, std::move(on_ports)),
              std::make_shared<Work>(AddressFamily::v6, own, [](ReachablePorts) {})};
    // One after the other: if the second cannot be started, stop() ends the first.
    threads_[0] = std::thread([work = works_[0]] {
        pthread_setname_np(pthread_self(), "port mapper");
        work->run();
    });
    threads_[1] = std::thread([work = works_[1]] {
        pthread_setname_np(pthread_self(), "pinholes");
        work->run();
    });
}

void PortMapper::look_now() {
    for (const auto& work : works_)
        if (work) work->look_now();
}

void PortMapper::begin_stop() {
    if (!threads_[0].joinable() || stop_deadline_ != kNever) return;
    stop_deadline_ = Clock::now() + kStopTime;
    for (const auto& work : works_) work->begin_stop();
}

void PortMapper::stop() {
    if (!threads_[0].joinable()) return;
    begin_stop();
    for (std::size_t i = 0; i < works_.size(); ++i) {
        if (!threads_[i].joinable()) continue;
        if (works_[i]->wait_for_end(stop_deadline_)) {
            threads_[i].join();
        } else {
            threads_[i].detach();
        }
    }
}

}  // namespace btfs::portmap
