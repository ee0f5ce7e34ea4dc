package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * What an ordinal stands for.
 *
 * @param object as it was listed; of a joined sample its first part
 * @param members the parts of a joined sample; empty otherwise
 */
record ListedObject(StoredObject object, List<Member> members) {

    /**
     * A part of a joined sample.
     *
     * @param name of the part
     * @param tree number of the tree that it is from, in {@code headrace.source.join}
     * @param object all of it is the part's value
     */
    record Member(String name, short tree, StoredObject object) {}

    static ListedObject of(StoredObject object) {
        return new ListedObject(object, List.of());
    }

    /** Bytes that its record is made of. */
    long length() {
        if (members.isEmpty()) {
            return object.length();
        }
        return members.stream().mapToLong(member -> member.object().length()).sum();
    }

    /** Requests that its record takes. */
    int objectCount() {
        return Math.max(1, members.size());
    }

    /** Key of the last object of the first tree: a listing goes on behind it. */
    String lastKey() {
        String last = object.key();
        for (Member member : members) {
            if (member.tree == 0) {
                last = member.object().key();
            }
        }
        return last;
    }

    long modifiedMs() {
        return object.modifiedMs();
    }

    int encodedLength() {
        int length = SourceEntries.encodedLength(object) + Integer.BYTES;
        for (Member member : members) {
            length += Integer.BYTES + SourceEntries.bytes(member.name).length + Short.BYTES;
            length += SourceEntries.encodedLength(member.object);
        }
        return length;
    }

    void encode(ByteBuffer into) {
        SourceEntries.putObject(into, object);
        into.putInt(members.size());
        for (Member member : members) {
            SourceEntries.putText(into, SourceEntries.bytes(member.name));
            into.putShort(member.tree);
            SourceEntries.putObject(into, member.object);
        }
    }

    static ListedObject decode(ByteBuffer from) {
        StoredObject object = SourceEntries.getObject(from);
        int count = from.getInt();
        if (count == 0) {
            return of(object);
        }
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String name = SourceEntries.getText(from);
            short tree = from.getShort();
            members.add(new Member(name, tree, SourceEntries.getObject(from)));
        }
        return new ListedObject(object, members);
    }
}
