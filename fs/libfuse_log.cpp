#include "fs/libfuse_log.hpp"

#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <string_view>

#include "engine/log/log.hpp"
#include "fs/libfuse.hpp"

namespace btfs {
namespace {

std::mutex mutex;                 // guards what follows
std::string* captured = nullptr;  ///< of the capture that lives

void on_message(fuse_log_level level, const char* format, va_list arguments) {
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    std::string_view text(line);
    while (text.ends_with('\n')) text.remove_suffix(1);
    {
        std::lock_guard lock(mutex);
        if (captured != nullptr) {
            if (!captured->empty()) *captured += "; ";
            *captured += text;
            return;
        }
    }
    if (level <= FUSE_LOG_WARNING) log::warn("libfuse: {}", text);
}

}  // namespace

LibfuseLogCapture::LibfuseLogCapture() {
    fuse_set_log_func(&on_message);
    std::lock_guard lock(mutex);
    captured = &text_;
}

LibfuseLogCapture::~LibfuseLogCapture() {
    std::lock_guard lock(mutex);
    captured = nullptr;
}

std::string LibfuseLogCapture::text() const {
    std::lock_guard lock(mutex);
    return text_;
}

}  // namespace btfs
