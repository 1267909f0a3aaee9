// Failures on their way to the user: one line that says what failed, on what, and what to do.
#pragma once

#include <stdexcept>
#include <string>

#include "engine/core/error.hpp"

namespace btfs::cli {

/// Ends a command with kFailure; main() prints it as "btfs: <message>". Thrown at start-up only.
class Failure : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
    Failure(const std::string& what, const Error& error) : Failure(what + ": " + error.message()) {}
};

}  // namespace btfs::cli
