#include "fs/drop_folder.hpp"

#include <algorithm>
#include <utility>

#include "engine/log/log.hpp"
#include "fs/errno_map.hpp"
#include "fs/processes.hpp"

namespace btfs {

std::size_t DroppedFile::size() const {
    std::lock_guard lock(mutex_);
    return content_->bytes.size();
}

Bytes DroppedFile::read(std::uint64_t begin, std::size_t size) const {
    std::lock_guard lock(mutex_);
    const Bytes& bytes = content_->bytes;
    if (begin >= bytes.size()) return {};
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::size_t count = std::min<std::size_t>(size, bytes.size() - begin);
    return Bytes(first, first + static_cast<std::ptrdiff_t>(count));
}

/// Returns an empty Content with room for `size` bytes, for `at_best` if all files leave that. Null if there
/// is no space.
std::shared_ptr<DroppedFile::Content> DroppedFile::allocate(std::size_t size, std::size_t at_best) const {
    for (const std::size_t capacity : {std::max(size, at_best), size}) {
        if (held_->fetch_add(capacity) + capacity > bounds_.all) {
            *held_ -= capacity;
            continue;
        }
        auto content = std::make_shared<Content>(held_);
        content->counted = capacity;
        content->bytes.reserve(capacity);
        return content;
    }
    return nullptr;
}

/// Moves the bytes to other memory if they are shared, do not fit, or leave more than half of it empty. The
/// old memory counts on only if it is shared.
Error DroppedFile::set_size(std::uint64_t size) {
    if (size > bounds_.file) return fs_error::too_large();
    const std::size_t room = content_->counted;
    if (is_shared_ || size > room || size < room / 2) {
        const bool grows = size > content_->bytes.size();
        if (!is_shared_) *held_ -= std::exchange(content_->counted, 0);
        auto moved = allocate(size, grows ? std::min(2 * content_->bytes.size(), bounds_.file) : 0);
        if (!moved) {
            if (!is_shared_) *held_ += content_->counted = room;
            return fs_error::no_space();
        }
        const std::size_t kept = std::min<std::size_t>(size, content_->bytes.size());
        moved->bytes.assign(content_->bytes.begin(),
                            content_->bytes.begin() + static_cast<std::ptrdiff_t>(kept));
        content_ = std::move(moved);
        is_shared_ = false;
    }
    content_->bytes.resize(size);
    return {};
}

Error DroppedFile::write(std::uint64_t begin, ByteView bytes, pid_t writer) {
    std::lock_guard lock(mutex_);
    if (begin > bounds_.file) return fs_error::too_large();
    const std::uint64_t size = std::max<std::uint64_t>(begin + bytes.size(), content_->bytes.size());
    if (const Error error = set_size(size)) return error;
    std::ranges::copy(bytes, content_->bytes.begin() + static_cast<std::ptrdiff_t>(begin));
    is_written_ = true;
    writer_ = writer;
    return {};
}

Error DroppedFile::resize(std::uint64_t size) {
    std::lock_guard lock(mutex_);
    return set_size(size);
}

bool DroppedFile::may_have_written(pid_t process) const {
    std::lock_guard lock(mutex_);
    return writer_ && may_be_same(*writer_, process);
}

bool DroppedFile::was_written() const {
    std::lock_guard lock(mutex_);
    return writer_.has_value();
}

std::shared_ptr<const Bytes> DroppedFile::share() {
    is_written_ = false;
    is_shared_ = true;
    return {content_, &content_->bytes};
}

std::shared_ptr<const Bytes> DroppedFile::begin_taking() {
    std::lock_guard lock(mutex_);
    return is_written_ ? share() : nullptr;
}

std::shared_ptr<const Bytes> DroppedFile::take_again() {
    std::lock_guard lock(mutex_);
    return share();
}

void DroppedFile::discard() {
    std::lock_guard lock(mutex_);
    content_ = std::make_shared<Content>(held_);
    is_shared_ = is_written_ = false;
}

std::string_view name_behind_temporary(std::string_view name) {
    constexpr std::size_t kRandom = 6;  // as mkstemp() has them
    if (name.size() < kRandom + 3 || name.front() != '.') return {};
    const std::string_view random = name.substr(name.size() - kRandom);
    name = name.substr(1, name.size() - kRandom - 1);
    const auto is_random = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    if (name.back() != '.' || !std::ranges::all_of(random, is_random)) return {};
    name.remove_suffix(1);
    return name;
}

/// Lets go of temporary files that were unlisted, or that nobody has held for their time.
void DropFolder::drop_temporaries() const {
    std::vector<std::shared_ptr<DroppedFile>> forgotten;  // outlives the lock
    const TimePoint now = now_();
    {
        std::lock_guard lock(mutex_);
        for (Temporary& temporary : temporaries_) {
            if (temporary.file.use_count() > 1) temporary.used = now;
            if (!temporary.file->is_listed() || now - temporary.used >= kTemporaryLifetime)
                forgotten.push_back(std::move(temporary.file));
        }
        std::erase_if(temporaries_, [](const Temporary& temporary) { return !temporary.file; });
    }
    for (const auto& file : forgotten)
        if (file->is_listed())
            log::warn("{} in .btfs/add has got no other name, and is dropped", file->name());
}

Result<std::shared_ptr<DroppedFile>> DropFolder::create(std::string_view name, std::size_t max_size,
                                                        Kind kind) {
    drop_temporaries();
    std::lock_guard lock(mutex_);
    std::erase_if(files_, [](const auto& file) { return file.second.expired(); });
    for (const auto& [node, weak] : files_)
        if (const auto file = weak.lock(); file && file->is_listed() && file->name() == name)
            return fs_error::exists();
    if (files_.size() >= kMaxFiles || next_ == end_) return fs_error::no_space();
    const NodeId node = next_++;
    auto file = std::make_shared<DroppedFile>(node, std::string(name),
                                              DroppedFile::Bounds{.file = max_size, .all = kMaxBytes}, held_);
    files_.emplace(node, file);
    if (kind == Kind::temporary) temporaries_.push_back({file, now_()});
    return file;
}

std::shared_ptr<DroppedFile> DropFolder::find(NodeId node) const {
    std::lock_guard lock(mutex_);
    const auto found = files_.find(node);
    return found == files_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<DroppedFile> DropFolder::find(std::string_view name) const {
    const auto listed = list();
    const auto found = std::ranges::find(listed, name, &DroppedFile::name);
    return found == listed.end() ? nullptr : *found;
}

std::size_t DropFolder::room() const {
    return kMaxBytes - std::min<std::size_t>(kMaxBytes, *held_);
}

std::vector<std::shared_ptr<DroppedFile>> DropFolder::list() const {
    drop_temporaries();
    std::vector<std::shared_ptr<DroppedFile>> listed;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [node, weak] : files_)
            if (auto file = weak.lock(); file && file->is_listed()) listed.push_back(std::move(file));
    }
    std::ranges::sort(listed, {}, &DroppedFile::name);
    return listed;
}

}  // namespace btfs
