#include "engine/portmap/upnp_error.hpp"

#include <miniupnpc/upnperrors.h>

#include "engine/portmap/library_errors.hpp"

namespace btfs::portmap {
Error upnp_error(int code) {
    static const auto& errors = immortal_library_errors("UPnP", strupnperror);
    return {code, errors};
}

bool is_upnp_error(const Error& error) {
    return error.category() == upnp_error(0).category();
}

}  // namespace btfs::portmap
