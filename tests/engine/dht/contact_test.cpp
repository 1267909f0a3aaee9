#include "engine/dht/contact.hpp"

#include <gtest/gtest.h>

#include "engine/dht/kept_table.hpp"

namespace btfs::dht {
namespace {

TEST(ContactTest, ContactsThatCannotBeAskedAreLeftOut) {
    std::string compact(20, 'i');
    compact += std::string("\x00\x00\x00\x00\x1a\xe1", 6);
    compact += std::string(20, 'j') + std::string("\xc0\x00\x02\x01\x00\x00", 6);
    compact += std::string(20, 'k') + std::string("\xc0\x00\x02\x01\x1a\xe1", 6);
    const auto contacts = parse_compact(as_bytes(compact), AddressFamily::v4, 10);
    ASSERT_EQ(contacts.size(), 1u);
    EXPECT_EQ(contacts[0].endpoint.text(), "192.0.2.1:6881");
}

TEST(ContactTest, ATableIsKeptForTheNextRun) {
    Rng rng(1);
    const std::vector<Contact> contacts{{random_id(rng), *Endpoint::parse("192.0.2.1:6881")},
                                        {random_id(rng), *Endpoint::parse("[2001:db8::1]:6881")}};
    EXPECT_EQ(read_table(write_table(contacts)), contacts);
    EXPECT_TRUE(read_table(write_table({})).empty());
    EXPECT_TRUE(read_table(as_bytes("d5:nodes3:abce")).empty());
    EXPECT_TRUE(read_table(as_bytes("nonsense")).empty());
    const std::vector<Contact> many(1000, contacts[0]);
    EXPECT_EQ(read_table(write_table(many)).size(), kMaxKeptNodes);
}

TEST(ContactTest, AShortRunKeepsWhomTheLastOneKnew) {
    Rng rng(1);
    std::vector<Contact> earlier;
    for (unsigned i = 1; i <= 100; ++i)
        earlier.push_back({random_id(rng), *Endpoint::parse("192.0.2." + std::to_string(i) + ":6881")});
    const Contact met_again{random_id(rng), earlier[0].endpoint};
    const auto kept = to_keep({met_again}, earlier);
    EXPECT_EQ(kept.size(), kEnoughNodes);
    EXPECT_EQ(kept[0], met_again);
    EXPECT_EQ(kept[1], earlier[1]);
    EXPECT_EQ(to_keep(earlier, {&met_again, 1}), earlier) << "who knows enough needs no others";
}

}  // namespace
}  // namespace btfs::dht
