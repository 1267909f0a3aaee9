// Numbers in few columns.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace btfs::cli {

/// "0", "999", "1.5K", "12M", "3.1G": at most 4 columns, in powers of 1024.
std::string short_size(std::uint64_t bytes);
/// The same, and "-" for none.
std::string short_rate(std::uint64_t bytes_per_second);
/// "45 s", "12 min", "3 h 05", "2 d 3 h".
std::string short_time(double seconds);
/// "62%"; "-" of nothing. "100%" only if all is had, "0%" only if nothing is.
std::string short_percent(std::uint64_t part, std::uint64_t whole);

/// A path that takes no more columns if its last name does not: "…" stands for the folders that do not fit,
/// since the last name tells more than they do. A last name that does not fit alone is returned alone.
std::string short_path(std::string_view path, int columns);

/// A letter for each flag of a peer, as other clients show them: D, d: we want something, and may or may not
/// ask for it; U, u: the peer does; I: incoming, E: encrypted, P: uTP, W: web seed, S: it does not answer.
/// "-" if there is none.
std::string flag_letters(std::span<const std::string> flags);

}  // namespace btfs::cli
