// Sums visits of one family of swarms up as a row of a table.
#pragma once

#include <span>
#include <string>

#include "tests/sim/visit.hpp"

namespace btfs::sim {

std::string table_head();
std::string table_row(const Family& family, std::span<const VisitResult> results);
/// The value that a share of the values do not exceed; 0 of none.
double percentile(std::vector<double> values, double share);

}  // namespace btfs::sim
