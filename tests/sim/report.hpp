// Sums runs of one family of swarms, or of one crowd, up as a row of a table.
#pragma once

#include <span>
#include <string>

#include "tests/sim/client_crowd.hpp"
#include "tests/sim/film_visit.hpp"
#include "tests/sim/visit.hpp"

namespace btfs::sim {

std::string table_head();
std::string table_row(const Family& family, std::span<const VisitResult> results);
/// Of films in swarms of leechers.
std::string film_table_head();
std::string film_table_row(const Family& family, std::span<const FilmResult> results);
/// Bytes that each kind of peer and the client gave each other.
std::string trade_table_head();
std::string trade_table_rows(const Family& family, std::span<const FilmResult> results);
std::string crowd_table_head();
std::string crowd_table_row(const CrowdOptions& options, std::span<const CrowdResult> results);
/// The value that a share of the values do not exceed; 0 of none.
double percentile(std::vector<double> values, double share);

}  // namespace btfs::sim
