// Lines of a file of an IP filter: eMule's .dat, PeerGuardian's .p2p, lists of addresses and networks.
#pragma once

#include <string_view>
#include <variant>

#include "engine/core/ip_filter.hpp"

namespace btfs {

/// A line without an entry: empty, or a comment.
struct NoEntry {};
/// A range whose addresses the file allows: a .dat line with an access level of 128 or more.
struct AllowedRange {};
/// A line that nothing is understood of.
struct Unreadable {};

using FilterLine = std::variant<IpFilter::V4Range, IpFilter::V6Range, NoEntry, AllowedRange, Unreadable>;

/// Parses one line, without its line feed. Each line tells its format by itself, since names of files lie:
///
///     1.2.3.0 - 1.2.3.255 , 000 , name      the level may be missing; below 128 it blocks
///     name:1.2.3.0-1.2.3.255                the name may hold anything
///     1.2.3.0/24  2001:db8::/32  1.2.3.4    behind them nothing, or a comment
///
/// Everywhere an address may be IPv6. Numbers of an IPv4 address are decimal, also with leading zeros. A
/// comment begins with #, ; or //. If a line can be read as several ranges, as with a name in front of an
/// IPv6 address, the narrowest counts.
FilterLine parse_filter_line(std::string_view line);

}  // namespace btfs
