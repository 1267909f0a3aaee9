#include "engine/portmap/natpmp_gateway.hpp"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <span>

#define ENABLE_STRNATPMPERR
#include <natpmp.h>

#include "engine/core/time.hpp"
#include "engine/portmap/library_errors.hpp"

namespace btfs::portmap {
namespace {

/// Limits one question with all its repetitions.
constexpr Duration kNatPmpPatience = 2s;

Error natpmp_error(int code) {
    static const auto& errors = immortal_library_errors("NAT-PMP", strnatpmperr);
    return {code, errors};
}

class NatPmpGateway final : public PortGateway {
  public:
    explicit NatPmpGateway(const Address& router) : router_(router) {}
    ~NatPmpGateway() override {
        if (open_) closenatpmp(&natpmp_);
    }

    Error open() {
        in_addr_t router = 0;
        std::memcpy(&router, router_.bytes().data(), sizeof router);
        const int outcome = initnatpmp(&natpmp_, 1, router);
        if (outcome != 0) return natpmp_error(outcome);
        open_ = true;
        return {};
    }

    std::string name() const override { return "NAT-PMP at " + router_.text(); }

    Result<Address> external_address() override {
        const auto answer =
            ask([this] { return sendpublicaddressrequest(&natpmp_); },
                [](const natpmpresp_t& a) { return a.type == NATPMP_RESPTYPE_PUBLICADDRESS; });
        if (!answer) return answer.error();
        const in_addr& address = answer->pnu.publicaddress.addr;
        return *Address::from_bytes(std::as_bytes(std::span(&address, 1)));
    }

    Result<PortMapping> map(Transport transport, std::uint16_t port,
                            std::uint16_t wanted_external_port) override {
        const auto answer = ask_for_mapping(transport, port, wanted_external_port,
                                            static_cast<std::uint32_t>(kMappingLease.count()));
        if (!answer) return answer.error();
        const auto& given = answer->pnu.newportmapping;
        // A lease of zero seconds is a refusal.
        if (given.mappedpublicport == 0 || given.lifetime == 0)
            return natpmp_error(NATPMP_ERR_OUTOFRESOURCES);
        return PortMapping{given.mappedpublicport, std::chrono::seconds(given.lifetime)};
    }

    Error unmap(Transport transport, std::uint16_t port, std::uint16_t) override {
        const auto answer = ask_for_mapping(transport, port, 0, 0);
        return answer ? Error{} : answer.error();
    }

  private:
    Result<natpmpresp_t> ask_for_mapping(Transport transport, std::uint16_t port, std::uint16_t external_port,
                                         std::uint32_t lifetime_s) {
        const bool tcp = transport == Transport::tcp;
        return ask(
            [&] {
                return sendnewportmappingrequest(&natpmp_, tcp ? NATPMP_PROTOCOL_TCP : NATPMP_PROTOCOL_UDP,
                                                 port, external_port, lifetime_s);
            },
            [&](const natpmpresp_t& a) {
                return a.type == (tcp ? NATPMP_RESPTYPE_TCPPORTMAPPING : NATPMP_RESPTYPE_UDPPORTMAPPING) &&
                       a.pnu.newportmapping.privateport == port;
            });
    }

    /// Sends a question and waits for its answer. The library repeats the question at the intervals of RFC
    /// 6886.
    template <class Send, class IsAnswer>
    Result<natpmpresp_t> ask(Send send, IsAnswer is_answer) {
        const TimePoint deadline = Clock::now() + kNatPmpPatience;
        if (const int sent = send(); sent < 0) return natpmp_error(sent);
        for (;;) {
            natpmpresp_t answer{};
            const int outcome = readnatpmpresponseorretry(&natpmp_, &answer);
            if (outcome == 0) {
                if (is_answer(answer)) return answer;
                // This is a second answer to an earlier question that was repeated. The library takes it for
                // the answer to the present question and stops repeating that, so send it again.
                if (const int sent = send(); sent < 0) return natpmp_error(sent);
            } else if (outcome != NATPMP_TRYAGAIN) {
                return natpmp_error(outcome);
            }
            const Duration left = deadline - Clock::now();
            if (left <= Duration::zero()) return Errc::timed_out;
            wait(left);
        }
    }

    void wait(Duration at_most) {
        timeval until_repeated{};
        getnatpmprequesttimeout(&natpmp_, &until_repeated);
        const auto repeated_in =
            std::chrono::seconds(until_repeated.tv_sec) + std::chrono::microseconds(until_repeated.tv_usec);
        const auto time =
            std::chrono::ceil<std::chrono::milliseconds>(std::min<Duration>(at_most, repeated_in));
        pollfd socket{natpmp_.s, POLLIN, 0};
        poll(&socket, 1, std::max(static_cast<int>(time.count()), 0));
    }

    const Address router_;
    natpmp_t natpmp_{};
    bool open_ = false;
};

}  // namespace

Result<std::unique_ptr<PortGateway>> find_natpmp_gateway(const Address& router) {
    auto gateway = std::make_unique<NatPmpGateway>(router);
    if (Error error = gateway->open()) return error;
    if (const auto answer = gateway->external_address(); !answer) return answer.error();
    return gateway;
}

}  // namespace btfs::portmap
