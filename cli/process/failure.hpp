// Failure: the exception that ends a command with a message for the user.
#pragma once

#include <stdexcept>
#include <string>

#include "engine/core/error.hpp"

namespace btfs::cli {

/// Its message says in one line what failed, on what, and what to do next. Thrown by a command, it ends the
/// process with kFailure, and main() prints "btfs: <message>". Thrown on the worker's thread, it fails one
/// torrent: the roster keeps the message, and the log has it.
class Failure : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
    Failure(const std::string& what, const Error& error)
        : runtime_error(what + ": " + error.message()), error_(error) {}
    /// Returns a failure whose message is `message` alone, though an error is its cause.
    static Failure with_message(const std::string& message, const Error& error) {
        Failure failure(message);
        failure.error_ = error;
        return failure;
    }

    /// Returns the error that it was made of; none, if it was made of a message alone.
    const Error& error() const { return error_; }

  private:
    Error error_ = {};
};

}  // namespace btfs::cli
