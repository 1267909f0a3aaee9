#include "engine/core/address_scope.hpp"

namespace btfs {

bool may_tell_of(const Address& teller, const Address& told) {
    if (told.is_loopback()) return teller.is_loopback();
    return !told.is_private() || teller.is_private() || teller.is_loopback();
}

}  // namespace btfs
