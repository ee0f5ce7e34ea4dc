package io.headrace.kafka.group;

import java.util.HashSet;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupMemberMetadataValue;
import org.apache.kafka.coordinator.group.generated.GroupMetadataValue;
import org.apache.kafka.coordinator.group.generated.OffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.OffsetCommitValue;
import org.apache.kafka.server.common.ApiMessageAndVersion;

/**
 * The topics and regular expressions that the records of one partition name. For one thread.
 *
 * <p>Names of groups that were deleted later in the log are in here too; they cost a look-up.
 */
final class LoadedNames {
    private static final String CONSUMER = "consumer";

    private final Set<String> topics = new HashSet<>();
    private final Set<String> regexes = new HashSet<>();
    private final Set<CommittedTopic> committed = new HashSet<>();

    /** A topic that a group has committed on; the id is zero where the record has none. */
    record CommittedTopic(String name, Uuid id) {}

    /** Topics that were subscribed to or committed on. */
    Set<String> topics() {
        return topics;
    }

    /** Regular expressions that were subscribed to. */
    Set<String> regexes() {
        return regexes;
    }

    /** Topics that were committed on. */
    Set<CommittedTopic> committed() {
        return committed;
    }

    void onRecord(CoordinatorRecord record) {
        ApiMessageAndVersion versioned = record.value();
        if (versioned == null) {
            return;
        }
        ApiMessage value = versioned.message();
        if (record.key() instanceof OffsetCommitKey key
                && value instanceof OffsetCommitValue commit) {
            topics.add(key.topic());
            committed.add(new CommittedTopic(key.topic(), commit.topicId()));
        } else if (value instanceof ConsumerGroupMemberMetadataValue member) {
            topics.addAll(member.subscribedTopicNames());
            addRegex(member.subscribedTopicRegex());
        } else if (value instanceof GroupMetadataValue group
                && CONSUMER.equals(group.protocolType())) {
            group.members()
                    .forEach(m -> topics.addAll(ClassicSubscription.topicsOf(m.subscription())));
        }
    }

    private void addRegex(String regex) {
        if (regex != null && !regex.isEmpty()) {
            regexes.add(regex);
        }
    }
}
