// Growth check: quantities that are noted once a period, and those of them that grow.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace btfs::year {

/// Keeps the values of named quantities over a long run, one value of each quantity a period. A quantity
/// grows if its median in the last quarter of the run exceeds its median in the second quarter by more than
/// its margin. The first quarter is left out, since caches and tables fill then.
class Growth {
  public:
    /// `margin`: in the unit of the value. The first call for a name sets it.
    void note(std::string_view name, double value, double margin);

    /// One line for each quantity that grows. Empty also while there are fewer than eight periods.
    std::vector<std::string> complaints() const;
    /// A line for each quantity: its medians in the second and in the last quarter, its largest value, and
    /// its margin.
    std::string summary() const;

  private:
    struct Quantity {
        std::string name;
        double margin;
        std::vector<double> values;

        double median_of_quarter(std::size_t quarter) const;
    };
    std::vector<Quantity> quantities_;
};

/// Bytes of the process's heap that are allocated and not freed.
double heap_in_use();
/// Entries of /proc/self/fd and of /proc/self/task.
std::size_t open_descriptors();
std::size_t threads();

}  // namespace btfs::year
