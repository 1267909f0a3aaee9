#include "fs/command_handle.hpp"

#include <sys/uio.h>

#include "fs/errno_map.hpp"

namespace btfs {

std::optional<ByteRange> CommandHandle::read(ReadPath::Request, std::unique_ptr<InterruptibleReply> reply) {
    reply->data({});
    return std::nullopt;
}

// ---- a file in the folder `add` ----

std::optional<ByteRange> DropHandle::read(ReadPath::Request request,
                                          std::unique_ptr<InterruptibleReply> reply) {
    Bytes bytes = file_->read(request.range_in_file.begin, request.range_in_file.size());
    const iovec part{bytes.data(), bytes.size()};
    reply->data({&part, 1});
    return std::nullopt;
}

void DropHandle::write(std::uint64_t begin, ByteView bytes, CommandDone done) {
    done(file_->write(begin, bytes));
}

// A shell closes a descriptor of the file before the program begins that writes it: then nothing is new.
void DropHandle::flush(pid_t closer, CommandDone done) {
    const auto file = file_;
    if (processes_.was_killed(closer)) {
        file->unlist();
        file->discard();
        return done({});
    }
    if (!file->begin_taking()) return done({});
    file->unlist();
    commands_.take(file->name(), std::shared_ptr<const Bytes>(file, &file->content()),
                   [file, done = std::move(done)](const Error& error) {
                       file->taken();
                       done(error);
                   });
}

// ---- the file `link` ----

void LinkHandle::write(std::uint64_t, ByteView bytes, CommandDone done) {
    const std::string_view text = as_text(bytes);
    const std::size_t whole = text.rfind('\n') + 1;  // bytes of lines that have their end; npos + 1 is 0
    std::string lines;
    bool too_long = false;
    {
        std::lock_guard lock(mutex_);
        if (whole > 0) lines = std::exchange(line_, {}).append(text.substr(0, whole));
        too_long = line_.size() + text.size() - whole > kMaxLine;
        if (!too_long) line_ += text.substr(whole);
    }
    if (too_long) return done(fs_error::too_large());
    if (lines.empty()) return done({});
    commands_.add_links(std::move(lines), std::move(done));
}

void LinkHandle::flush(pid_t closer, CommandDone done) {
    std::string line;
    {
        std::lock_guard lock(mutex_);
        line = std::exchange(line_, {});
    }
    if (line.empty() || processes_.was_killed(closer)) return done({});
    commands_.add_links(std::move(line), std::move(done));
}

// ---- the file `remove` ----

void RemoveHandle::write(std::uint64_t, ByteView, CommandDone done) {
    remove(std::move(done));
}

void RemoveHandle::flush(pid_t closer, CommandDone done) {
    if (!truncated_ || processes_.was_killed(closer)) return done({});
    remove(std::move(done));
}

// A shell closes a descriptor before `echo` writes: the write, whose errors are told, says what came of it.
void RemoveHandle::remove(CommandDone done) {
    const auto state = state_;
    std::optional<Error> outcome;
    {
        std::lock_guard lock(state->mutex);
        outcome = state->outcome;
        if (!outcome) state->outcome = Error{};  // as long as it is not known
    }
    if (outcome) return done(*outcome);
    commands_.remove(member_, [state, done = std::move(done)](const Error& error) {
        {
            std::lock_guard lock(state->mutex);
            state->outcome = error;
        }
        done(error);
    });
}

}  // namespace btfs
