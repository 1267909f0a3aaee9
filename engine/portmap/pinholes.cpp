#include "engine/portmap/pinholes.hpp"

#include <string>

#include "engine/portmap/upnp_error.hpp"

namespace btfs::portmap {

Result<PortMapping> Pinholes::open(Transport transport, std::uint16_t port) {
    const std::string lease = std::to_string(kMappingLease.count());
    if (const auto known = ids_.find(transport); known != ids_.end()) {
        const auto reply =
            ask_("UpdatePinhole", {{"UniqueID", std::to_string(known->second)}, {"NewLeaseTime", lease}});
        if (reply) return PortMapping{port, kMappingLease};
        if (!is_upnp_error(reply.error())) return reply.error();
        ids_.erase(known);  // a router that restarted does not know it
    }
    const auto reply = ask_("AddPinhole", {{"RemoteHost", ""},
                                           {"RemotePort", "0"},
                                           {"InternalClient", own_.text()},
                                           {"InternalPort", std::to_string(port)},
                                           {"Protocol", transport == Transport::tcp ? "6" : "17"},
                                           {"LeaseTime", lease}});
    if (!reply) return reply.error();
    if (!reply->unique_id) return Errc::http_malformed;
    ids_[transport] = *reply->unique_id;
    return PortMapping{port, kMappingLease};
}

Error Pinholes::close(Transport transport) {
    const auto known = ids_.find(transport);
    if (known == ids_.end()) return {};
    const auto reply = ask_("DeletePinhole", {{"UniqueID", std::to_string(known->second)}});
    ids_.erase(known);
    return reply ? Error{} : reply.error();
}

}  // namespace btfs::portmap
