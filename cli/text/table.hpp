// Table: rows of text in columns that are as wide as they must be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace btfs::cli {

using Row = std::vector<std::string>;

/// One line for each row, which begins with `indent`. All rows have as many cells as the first one; the last
/// column is open.
std::string table(const std::vector<Row>& rows, std::string_view indent = {});

}  // namespace btfs::cli
