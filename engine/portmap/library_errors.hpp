// Error numbers of a C library, in its own words.
#pragma once

#include <boost/system/error_category.hpp>
#include <string>

namespace btfs::portmap {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"  // Boost's base class has a protected one, by design
/// A category of errors. `text` gives nothing for numbers that it does not know.
class LibraryErrors final : public boost::system::error_category {
  public:
    using Text = const char* (*)(int);

    LibraryErrors(const char* name, Text text) : name_(name), text_(text) {}

    const char* name() const noexcept override { return name_; }
    std::string message(int number) const override {
        const char* text = text_(number);
        return text ? text : std::string(name_) + " error " + std::to_string(number);
    }

  private:
    const char* name_;
    Text text_;
};
#pragma GCC diagnostic pop

/// For threads that may outlive main().
inline const LibraryErrors& immortal_library_errors(const char* name, LibraryErrors::Text text) {
    return *new LibraryErrors(name, text);
}

}  // namespace btfs::portmap
