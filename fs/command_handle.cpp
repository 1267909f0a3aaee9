#include "fs/command_handle.hpp"

#include <sys/uio.h>

#include "engine/log/log.hpp"
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

void DropHandle::write(std::uint64_t begin, ByteView bytes, pid_t writer, CommandDone done) {
    done(file_->write(begin, bytes, processes_.process(writer)));
}

// A shell closes a descriptor of the file before the program begins that writes it: then nothing is new. A
// process that only shares a descriptor, as a child between fork() and exec(), closes what is half written.
void DropHandle::flush(pid_t closer, CommandDone done) {
    const pid_t process = processes_.process(closer);
    if (!for_writing_ || !file_->may_have_written(process)) return done({});
    if (processes_.was_killed(closer)) {
        file_->unlist();
        file_->discard();
        return done({});
    }
    if (!name_behind_temporary(file_->name()).empty()) return done({});
    auto content = file_->begin_taking();
    if (!content) return file_->outcome().join(std::move(done));
    file_->unlist();
    TakenNames::Name name{file_->node(), file_->name(), content->size(), file_->made(), process};
    auto outcome = [taken = taken_, name = std::move(name),
                    all = file_->outcome().begin(std::move(done))](const Error& error) {
        if (!error) taken->add(name);
        all(error);
    };
    commands_.take(file_->name(), std::move(content), std::move(outcome));
}

std::optional<ByteRange> TakenHandle::read(ReadPath::Request, std::unique_ptr<InterruptibleReply> reply) {
    reply->fail(fs_error::removed());
    return std::nullopt;
}

void DropHandle::release() {
    if (for_writing_ && file_.use_count() == 1 && file_->is_listed() && !file_->was_written())
        log::warn("{} in .btfs/add was closed without content, and nothing is added", file_->name());
}

// ---- the file `link` ----

void LinkHandle::write(std::uint64_t, ByteView bytes, pid_t writer, CommandDone done) {
    std::string_view text = as_text(bytes);
    const pid_t process = processes_.process(writer);
    std::string lines;
    bool too_long = false;
    {
        std::lock_guard lock(mutex_);
        writer_ = process;
        if (skips_line_) {
            const std::size_t end = text.find('\n');
            skips_line_ = too_long = end == std::string_view::npos;
            text.remove_prefix(skips_line_ ? text.size() : end + 1);
        }
        const std::size_t whole = text.rfind('\n') + 1;  // bytes of lines that have their end; npos + 1 is 0
        if (whole > 0) lines = std::exchange(line_, {}).append(text.substr(0, whole));
        line_ += text.substr(whole);
        if (line_.size() > kMaxLine) {
            line_.clear();
            skips_line_ = too_long = true;
        }
    }
    if (lines.empty()) return done(too_long ? fs_error::too_large() : Error{});
    if (!too_long) return commands_.add_links(std::move(lines), std::move(done));
    commands_.add_links(std::move(lines), [done = std::move(done)](const Error& error) {
        done(error ? error : fs_error::too_large());
    });
}

void LinkHandle::flush(pid_t closer, CommandDone done) {
    const pid_t process = processes_.process(closer);
    std::string line;
    {
        std::lock_guard lock(mutex_);
        if (may_be_same(writer_, process)) {
            skips_line_ = false;
            line = std::exchange(line_, {});
        }
    }
    if (line.empty() || processes_.was_killed(closer)) return done({});
    commands_.add_links(std::move(line), std::move(done));
}

// ---- the file `remove` ----

void RemoveHandle::write(std::uint64_t, ByteView, pid_t, CommandDone done) {
    remove(std::move(done));
}

void RemoveHandle::flush(pid_t closer, CommandDone done) {
    if (!truncated_ || processes_.was_killed(closer)) return done({});
    remove(std::move(done));
}

// A shell closes a descriptor before `echo` writes: the write, whose errors are told, says what came of it.
void RemoveHandle::remove(CommandDone done) {
    if (auto first = outcome_->begin_once(std::move(done))) commands_.remove(member_, std::move(first));
}

}  // namespace btfs
