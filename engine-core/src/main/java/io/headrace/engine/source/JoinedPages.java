package io.headrace.engine.source;

import io.headrace.engine.source.ListedObject.Member;
import io.headrace.engine.source.SourceJoin.Tree;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Joins trees of objects by stem. The trees behind the first are listed first, into rows of the
 * index where their objects wait; then the first one's listing takes from them what belongs to it.
 * Objects of the first tree that share a stem follow each other in its listing, as all their keys
 * begin with the stem and a dot. So memory holds one page, whatever the trees hold.
 *
 * <p>A sample without a required part waits as well: a later listing may find what it lacks.
 */
final class JoinedPages implements ObjectPages {
    /** Objects of one stem at most: they are in memory, and in one entry of the journal. */
    static final int MEMBERS_MAX = 1024;

    private final SourceTopic topic;
    private final SourceSpec spec;
    private final SourceIndex index;
    private final SourceJoin join;

    /** The tree that is listed, the first one last; −1 at the end. */
    private short tree;

    private short listedTree;
    private @Nullable String afterKey;
    private final @Nullable String resumeAfter;
    private final String resumeStem;
    private boolean isFirstPage = true;

    /** Objects of one stem that were found last: the next page may have more of them. */
    private List<StoredObject> group = new ArrayList<>();

    /**
     * @param resumeAfter the last key of the first tree that has an ordinal; null for none
     */
    JoinedPages(SourceTopic topic, SourceLogs logs, SourceJoin join, @Nullable String resumeAfter) {
        this.topic = topic;
        this.spec = topic.spec();
        this.index = logs.index();
        this.join = join;
        this.tree = (short) (join.trees().size() - 1);
        this.resumeAfter = resumeAfter;
        this.resumeStem = resumeAfter == null ? "" : SourceJoin.stem(resumeAfter);
    }

    @Override
    public boolean hasNext() {
        return tree >= 0;
    }

    @Override
    public short tree() {
        return listedTree;
    }

    @Override
    public List<StoredObject> next(Deque<ListedObject> found) throws IOException {
        listedTree = tree;
        if (isFirstPage) {
            isFirstPage = false;
            afterKey = tree == 0 ? resumeAfter : null;
        }
        List<StoredObject> page = spec.store().list(root(tree), afterKey, SourceListing.PAGE_LIMIT);
        boolean isLast = page.size() < SourceListing.PAGE_LIMIT;
        if (!page.isEmpty()) {
            afterKey = page.get(page.size() - 1).key();
        }
        List<StoredObject> waiting = new ArrayList<>();
        for (StoredObject object : page) {
            if (ObjectPages.isObject(object) && !isOfInnerTree(object.key())) {
                accept(object, found, waiting);
            }
        }
        if (isLast) {
            closeGroup(found, waiting);
            tree--;
            isFirstPage = true;
        }
        return waiting;
    }

    private String root(int ofTree) {
        String root = spec.path().isEmpty() ? "" : spec.path() + "/";
        return root + join.trees().get(ofTree).path();
    }

    /** A tree may lie inside of another one: its objects are its own. */
    private boolean isOfInnerTree(String key) {
        String own = root(tree);
        for (int i = 0; i < join.trees().size(); i++) {
            String other = root(i);
            if (other.length() > own.length() && other.startsWith(own) && key.startsWith(other)) {
                return true;
            }
        }
        return false;
    }

    private void accept(StoredObject object, Deque<ListedObject> found, List<StoredObject> waiting)
            throws IOException {
        if (tree > 0) {
            if (isNewWaiting(object)) {
                waiting.add(object);
            }
            return;
        }
        String stem = SourceJoin.stem(object.key());
        if (stem.equals(resumeStem)) {
            return;
        }
        if (!group.isEmpty() && !SourceJoin.stem(group.get(0).key()).equals(stem)) {
            closeGroup(found, waiting);
        }
        requireRoom(group, stem);
        group.add(object);
    }

    private static void requireRoom(List<?> ofStem, String stem) throws IOException {
        if (ofStem.size() == MEMBERS_MAX) {
            throw new IOException(
                    "too many objects share a stem, the key up to the first dot of its name: stem="
                            + stem
                            + " max="
                            + MEMBERS_MAX);
        }
    }

    private boolean isNewWaiting(StoredObject object) {
        Tree own = join.trees().get(tree);
        return spec.isWanted(SourceJoin.part(own, object.key()))
                && index.ordinal(topic.id(), object.key()) < 0
                && !object.equals(index.waiting(topic.id(), tree, object.key()));
    }

    private void closeGroup(Deque<ListedObject> found, List<StoredObject> waiting)
            throws IOException {
        List<StoredObject> leading = group;
        group = new ArrayList<>();
        if (leading.isEmpty() || isKnown(leading)) {
            return;
        }
        List<Member> members = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (StoredObject object : leading) {
            addMember((short) 0, object, members, names);
        }
        String stem = SourceJoin.stem(leading.get(0).key()).substring(root(0).length());
        for (short i = 1; i < join.trees().size(); i++) {
            addWaiting(i, root(i) + stem, members, names);
        }
        if (!members.isEmpty() && names.containsAll(join.required())) {
            found.add(new ListedObject(leading.get(0), members));
            return;
        }
        for (StoredObject object : leading) {
            if (!object.equals(index.waiting(topic.id(), (short) 0, object.key()))) {
                waiting.add(object);
            }
        }
    }

    private boolean isKnown(List<StoredObject> leading) {
        return leading.stream().anyMatch(object -> index.ordinal(topic.id(), object.key()) >= 0);
    }

    private void addWaiting(short ofTree, String stem, List<Member> members, Set<String> names)
            throws IOException {
        StoredObject bare = index.waiting(topic.id(), ofTree, stem);
        if (bare != null) {
            addMember(ofTree, bare, members, names);
        }
        for (StoredObject object : index.waitingOf(topic.id(), ofTree, stem, MEMBERS_MAX + 1)) {
            addMember(ofTree, object, members, names);
        }
    }

    /** The first object of a part's name is that part; others go on waiting. */
    private void addMember(
            short ofTree, StoredObject object, List<Member> members, Set<String> names)
            throws IOException {
        String part = SourceJoin.part(join.trees().get(ofTree), object.key());
        if (spec.isWanted(part) && names.add(part)) {
            requireRoom(members, SourceJoin.stem(object.key()));
            members.add(new Member(part, ofTree, object));
        }
    }
}
