package io.headrace.kafka.group;

import org.apache.kafka.common.requests.RequestContext;

/**
 * A member of a group, by what its fetches and the coordinator both know of it.
 *
 * @param clientId as it calls itself
 * @param clientHost as the coordinator writes its address
 */
record LaneOwner(String clientId, String clientHost) {
    static LaneOwner of(RequestContext context) {
        return new LaneOwner(context.clientId(), context.clientAddress().toString());
    }
}
