#include "engine/core/address_scope.hpp"

namespace btfs {

bool may_tell_of(const Address& teller, const Address& told) {
    if (told.is_loopback()) return teller.is_loopback();
    return !told.is_private() || is_local(teller);
}

bool is_local(const Address& address) {
    return address.is_loopback() || address.is_private();
}

}  // namespace btfs
