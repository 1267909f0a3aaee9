// The part of a tracker's URL that everybody may see.
#pragma once

#include <string>
#include <string_view>

namespace btfs::tracker {

/// Returns scheme, host and port, as "http://tracker.example:80". Leaves out user name, password, path and
/// query, by which trackers of closed groups tell their users apart. For logs and the status.
std::string public_url(std::string_view url);

}  // namespace btfs::tracker
