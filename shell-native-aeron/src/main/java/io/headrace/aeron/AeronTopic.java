package io.headrace.aeron;

import io.aeron.ChannelUri;
import io.aeron.CommonContext;
import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;
import java.util.ArrayList;
import java.util.List;

/**
 * An Aeron stream and the topic partition that it fills. Publishers and subscribers use channel and
 * stream id as they are, with any Aeron client.
 *
 * @param topic name of the topic
 * @param partition partition of it
 * @param channel Aeron channel URI, {@code aeron:ipc} or {@code aeron:udp?endpoint=HOST:PORT}
 * @param streamId Aeron stream id
 */
@Experimental
public record AeronTopic(String topic, int partition, String channel, int streamId) {
    /** Config that lists the streams. */
    public static final String CONFIG = "headrace.aeron.publications";

    private static final String FORM =
            "TOPIC[/PARTITION]@aeron:CHANNEL@STREAM_ID, separated by commas";

    /**
     * Parses a list of {@code TOPIC[/PARTITION]@CHANNEL@STREAM_ID}, separated by commas. A channel
     * that itself holds a comma cannot be written so.
     *
     * @throws InvalidConfigException naming the entry that is not of that form
     */
    public static List<AeronTopic> parse(String list) {
        List<AeronTopic> topics = new ArrayList<>();
        for (String entry : list.split(",")) {
            if (!entry.isBlank()) {
                topics.add(parseOne(entry.trim()));
            }
        }
        return List.copyOf(topics);
    }

    private static AeronTopic parseOne(String entry) {
        String[] parts = entry.split("@");
        if (parts.length != 3) {
            throw new InvalidConfigException(CONFIG, entry, FORM);
        }
        String[] names = parts[0].split("/", 2);
        try {
            ChannelUri.parse(parts[1]);
            int partition = names.length == 1 ? 0 : Integer.parseInt(names[1]);
            return new AeronTopic(names[0], partition, parts[1], Integer.parseInt(parts[2]));
        } catch (IllegalArgumentException e) {
            throw new InvalidConfigException(CONFIG, entry, FORM);
        }
    }

    /**
     * The channel as the tap subscribes to it: without a tether, so that publishers do not wait for
     * a tap that lags, and joining again after the driver has let go of it.
     */
    String tapChannel() {
        ChannelUri uri = ChannelUri.parse(channel);
        uri.put(CommonContext.TETHER_PARAM_NAME, "false");
        uri.put(CommonContext.REJOIN_PARAM_NAME, "true");
        return uri.toString();
    }
}
