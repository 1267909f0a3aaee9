#include "fs/errno_map.hpp"

#include <boost/system/errc.hpp>
#include <cerrno>

namespace btfs {

using boost::system::errc::make_error_code;
namespace errc = boost::system::errc;

namespace fs_error {
Error not_found() {
    return make_error_code(errc::no_such_file_or_directory);
}
Error not_a_directory() {
    return make_error_code(errc::not_a_directory);
}
Error is_a_directory() {
    return make_error_code(errc::is_a_directory);
}
Error not_a_symlink() {
    return make_error_code(errc::invalid_argument);
}
Error read_only() {
    return make_error_code(errc::read_only_file_system);
}
Error bad_handle() {
    return make_error_code(errc::bad_file_descriptor);
}
Error bad_name() {
    return make_error_code(errc::invalid_argument);
}
Error bad_size() {
    return make_error_code(errc::invalid_argument);
}
Error exists() {
    return make_error_code(errc::file_exists);
}
Error access_denied() {
    return make_error_code(errc::permission_denied);
}
Error too_large() {
    return make_error_code(errc::file_too_large);
}
Error no_space() {
    return make_error_code(errc::no_space_on_device);
}
Error busy() {
    return make_error_code(errc::device_or_resource_busy);
}
Error not_supported() {
    return make_error_code(errc::operation_not_supported);
}
Error unmounted() {
    return make_error_code(errc::io_error);
}
Error removed() {
    return {ESTALE, boost::system::generic_category()};
}
}  // namespace fs_error

int to_errno(const Error& error) {
    if (error == Errc::cancelled) return EINTR;
    const auto& category = error.category();
    const bool is_errno =
        category == boost::system::generic_category() || category == boost::system::system_category();
    return is_errno && error.value() > 0 && error.value() != ENOSYS ? error.value() : EIO;
}

}  // namespace btfs
