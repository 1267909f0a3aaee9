#include "engine/portmap/port_mapper.hpp"

#include <pthread.h>

#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>

#include "engine/log/log.hpp"
#include "engine/portmap/default_gateway.hpp"
#include "engine/portmap/mapping_schedule.hpp"
#include "engine/portmap/natpmp_gateway.hpp"
#include "engine/portmap/upnp_gateway.hpp"

namespace btfs::portmap {
namespace {

/// Interval between checks for another router. A check asks only the kernel.
constexpr Duration kLookInterval = 10s;

/// Returns the time of a clock that also runs while the computer is suspended.
TimePoint boot_time() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return TimePoint{} + std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Returns the default router if its address is private, as in home networks and carriers' NATs. Other
/// routers map no ports.
std::optional<Address> private_router() {
    auto router = default_gateway();
    return router && router->is_private() ? router : std::nullopt;
}

}  // namespace

class PortMapper::Work {
  public:
    Work(ReachablePorts own, OnPorts on_ports)
        : on_ports_(std::move(on_ports)),
          ports_{{Transport::tcp, "TCP", own.tcp, {}}, {Transport::udp, "UDP", own.udp, {}}},
          told_(own) {}

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
        const auto router = private_router();
        if (router == router_) return;
        router_ = router;
        use(nullptr);
        external_address_ = {};
        complained_ = false;
        schedule_.handle_new_router();
        for (Port& port : ports_) port.lease.reset();
        tell();
    }

    void map_all() {
        bool all = find_gateway();
        std::chrono::seconds shortest = kMappingLease;
        for (Port& port : ports_) {
            if (stopping()) return;
            if (port.own == 0) continue;
            all = all && map(port, shortest);
            if (port.lease && port.lease->end <= boot_time()) port.lease.reset();
        }
        if (all) {
            schedule_.handle_mapped(shortest, boot_time());
        } else {
            schedule_.handle_failure(boot_time());
        }
        tell();
    }

    bool find_gateway() {
        log::debug("port mapping: asking {} by NAT-PMP", router_->text());
        auto found = find_natpmp_gateway(*router_);
        if (!found) {
            log::debug("port mapping: NAT-PMP: {}", found.error().message());
            if (stopping()) return false;
            log::debug("port mapping: looking for a UPnP gateway");
            found = find_upnp_gateway(*router_);
        }
        if (!found) {
            log::debug("port mapping: UPnP: {}", found.error().message());
            complain("the router {} offers neither NAT-PMP nor UPnP", router_->text());
            return false;
        }
        use(std::move(*found));
        if (stopping()) return false;
        if (const auto address = gateway_->external_address(); !address) {
            log::debug("port mapping: the external address: {}", address.error().message());
        } else if (external_address_ != *address) {
            external_address_ = *address;
            log::info("port mapping: {}, our external address is {}", gateway_->name(), address->text());
        }
        return true;
    }

    void use(std::unique_ptr<PortGateway> gateway) {
        gateway_ = std::move(gateway);
        set(has_gateway_, gateway_ != nullptr);
    }

    void set(bool& shared, bool value) {
        std::lock_guard lock(mutex_);
        shared = value;
    }

    bool map(Port& port, std::chrono::seconds& shortest) {
        // Peers use the port that they know for both transports, so ask for the same external port for UDP as
        // for TCP.
        const std::uint16_t wanted = port.lease                  ? port.lease->external_port
                                     : port.own == ports_[0].own ? ports_[0].reachable()
                                                                 : port.own;
        log::debug("port mapping: asking for {} port {}", port.name, wanted);
        const auto mapping = gateway_->map(port.transport, port.own, wanted);
        if (!mapping) {
            complain("{} port {}: {}", port.name, port.own, mapping.error().message());
            return false;
        }
        const bool for_good = mapping->lease == std::chrono::seconds::zero();
        const std::string time = for_good ? "for good" : fmt::format("for {} s", mapping->lease.count());
        const bool is_new = !port.lease || port.lease->external_port != mapping->external_port;
        log::at(is_new ? log::Level::info : log::Level::debug,
                "port mapping: {} port {} is reached from outside at port {}, {}", port.name, port.own,
                mapping->external_port, time);
        port.lease = {mapping->external_port, for_good ? kNever : boot_time() + mapping->lease};
        if (!for_good) shortest = std::min(shortest, mapping->lease);
        return true;
    }

    void unmap_all() {
        if (!gateway_) return;
        for (Port& port : ports_) {
            if (!port.lease) continue;
            const Error error = gateway_->unmap(port.transport, port.own, port.lease->external_port);
            log::debug("port mapping: {} port {} is given back: {}", port.name, port.lease->external_port,
                       error ? error.message() : "done");
        }
    }

    /// Logs at info once for each router, else at debug: a network that cannot map ports usually never can.
    template <class... Args>
    void complain(fmt::format_string<Args...> format, Args&&... args) {
        const std::string text = fmt::format(format, std::forward<Args>(args)...);
        log::at(complained_ ? log::Level::debug : log::Level::info,
                "port mapping: {}; peers may not be able to connect to us", text);
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
    const OnPorts on_ports_;
    Port ports_[2];  ///< TCP, UDP
    ReachablePorts told_;
    MappingSchedule schedule_;
    std::optional<Address> router_;
    std::unique_ptr<PortGateway> gateway_;  ///< the last that was found at this router
    std::optional<Address> external_address_;
    bool complained_ = false;
};

void PortMapper::start(ReachablePorts own, OnPorts on_ports) {
    work_ = std::make_shared<Work>(own, std::move(on_ports));
    thread_ = std::thread([work = work_] {
        pthread_setname_np(pthread_self(), "port mapper");
        work->run();
    });
}

void PortMapper::look_now() {
    if (work_) work_->look_now();
}

void PortMapper::begin_stop() {
    if (!thread_.joinable() || stop_deadline_ != kNever) return;
    stop_deadline_ = Clock::now() + kStopTime;
    work_->begin_stop();
}

void PortMapper::stop() {
    if (!thread_.joinable()) return;
    begin_stop();
    if (work_->wait_for_end(stop_deadline_)) {
        thread_.join();
    } else {
        thread_.detach();
    }
}

}  // namespace btfs::portmap
