#include "fs/drop_folder.hpp"

#include <algorithm>
#include <cassert>

#include "fs/errno_map.hpp"

namespace btfs {

std::size_t DroppedFile::size() const {
    std::lock_guard lock(mutex_);
    return content_.size();
}

Bytes DroppedFile::read(std::uint64_t begin, std::size_t size) const {
    std::lock_guard lock(mutex_);
    if (begin >= content_.size()) return {};
    const auto first = content_.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::size_t count = std::min<std::size_t>(size, content_.size() - begin);
    return Bytes(first, first + static_cast<std::ptrdiff_t>(count));
}

Error DroppedFile::make_room(std::uint64_t size) {
    if (is_being_taken_) return fs_error::busy();
    if (size > bounds_.file) return fs_error::too_large();
    if (size <= content_.size()) return {};
    const std::size_t more = size - content_.size();
    if (held_->fetch_add(more) + more > bounds_.all) {
        *held_ -= more;
        return fs_error::no_space();
    }
    content_.resize(size);
    return {};
}

Error DroppedFile::write(std::uint64_t begin, ByteView bytes) {
    std::lock_guard lock(mutex_);
    if (begin > bounds_.file) return fs_error::too_large();
    if (const Error error = make_room(begin + bytes.size())) return error;
    std::ranges::copy(bytes, content_.begin() + static_cast<std::ptrdiff_t>(begin));
    is_written_ = true;
    return {};
}

Error DroppedFile::resize(std::uint64_t size) {
    std::lock_guard lock(mutex_);
    if (const Error error = make_room(size)) return error;
    *held_ -= content_.size() - size;
    content_.resize(size);
    return {};
}

bool DroppedFile::begin_taking() {
    std::lock_guard lock(mutex_);
    if (!is_written_ || is_being_taken_) return false;
    is_written_ = false;
    return is_being_taken_ = true;
}

void DroppedFile::taken() {
    std::lock_guard lock(mutex_);
    assert(is_being_taken_);
    is_being_taken_ = false;
}

void DroppedFile::discard() {
    std::lock_guard lock(mutex_);
    is_written_ = false;
}

Result<std::shared_ptr<DroppedFile>> DropFolder::create(std::string_view name, std::size_t max_size) {
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

std::vector<std::shared_ptr<DroppedFile>> DropFolder::list() const {
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
