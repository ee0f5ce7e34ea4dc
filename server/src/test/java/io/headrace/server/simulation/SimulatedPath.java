package io.headrace.server.simulation;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A path on a {@link SimulatedMachine}'s disk. */
final class SimulatedPath implements Path {
    private final SimulatedFileSystem fileSystem;
    private final List<String> names;
    private final boolean isAbsolute;
    private String text = "";

    SimulatedPath(SimulatedFileSystem fileSystem, List<String> names, boolean isAbsolute) {
        this.fileSystem = fileSystem;
        this.names = names;
        this.isAbsolute = isAbsolute;
    }

    static SimulatedPath of(SimulatedFileSystem fileSystem, String text) {
        List<String> names = new ArrayList<>();
        for (String name : text.split("/")) {
            if (!name.isEmpty()) {
                names.add(name);
            }
        }
        return new SimulatedPath(fileSystem, names, text.startsWith("/"));
    }

    private SimulatedPath with(List<String> other, boolean absolute) {
        return new SimulatedPath(fileSystem, other, absolute);
    }

    List<String> names() {
        return names;
    }

    SimulatedMachine machine() {
        return fileSystem.machine();
    }

    @Override
    public FileSystem getFileSystem() {
        return fileSystem;
    }

    @Override
    public boolean isAbsolute() {
        return isAbsolute;
    }

    @Override
    public Path getRoot() {
        return isAbsolute ? with(List.of(), true) : null;
    }

    @Override
    public Path getFileName() {
        return names.isEmpty() ? null : with(names.subList(names.size() - 1, names.size()), false);
    }

    @Override
    public Path getParent() {
        return names.isEmpty() || names.size() == 1 && !isAbsolute
                ? null
                : with(names.subList(0, names.size() - 1), isAbsolute);
    }

    @Override
    public int getNameCount() {
        return names.size();
    }

    @Override
    public Path getName(int index) {
        return with(names.subList(index, index + 1), false);
    }

    @Override
    public Path subpath(int from, int to) {
        return with(names.subList(from, to), false);
    }

    @Override
    public boolean startsWith(Path other) {
        List<String> start = ((SimulatedPath) other).names;
        return other.isAbsolute() == isAbsolute
                && start.size() <= names.size()
                && names.subList(0, start.size()).equals(start);
    }

    @Override
    public boolean endsWith(Path other) {
        List<String> end = ((SimulatedPath) other).names;
        return end.size() <= names.size()
                && names.subList(names.size() - end.size(), names.size()).equals(end);
    }

    @Override
    public Path normalize() {
        List<String> left = new ArrayList<>();
        for (String name : names) {
            if (!name.equals("..")) {
                left.add(name);
            } else if (!left.isEmpty()) {
                left.remove(left.size() - 1);
            }
        }
        return with(left, isAbsolute);
    }

    @Override
    public Path resolve(Path other) {
        if (other.isAbsolute()) {
            return other;
        }
        List<String> all = new ArrayList<>(names);
        all.addAll(((SimulatedPath) other).names);
        return with(all, isAbsolute);
    }

    @Override
    public Path relativize(Path other) {
        List<String> target = ((SimulatedPath) other).names;
        int same = 0;
        while (same < Math.min(names.size(), target.size())
                && names.get(same).equals(target.get(same))) {
            same++;
        }
        List<String> way = new ArrayList<>(Collections.nCopies(names.size() - same, ".."));
        way.addAll(target.subList(same, target.size()));
        return with(way, false);
    }

    @Override
    public URI toUri() {
        return URI.create("simulated:" + this);
    }

    @Override
    public Path toAbsolutePath() {
        return isAbsolute ? this : with(names, true);
    }

    @Override
    public Path toRealPath(LinkOption... options) {
        return toAbsolutePath();
    }

    /** Knows its length, and the space on its disk: no more is asked of a file. */
    @Override
    public File toFile() {
        return new SimulatedFile(this);
    }

    private static final class SimulatedFile extends File {
        private static final long serialVersionUID = 1L;
        private final transient SimulatedPath path;

        SimulatedFile(SimulatedPath path) {
            super(path.toString());
            this.path = path;
        }

        @Override
        public long length() {
            SimulatedMachine.Node node = path.machine().find(path);
            return node == null ? 0 : node.length();
        }

        @Override
        public long getUsableSpace() {
            return path.machine().usableBytes();
        }
    }

    @Override
    public WatchKey register(
            WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers)
            throws IOException {
        throw new IOException("not simulated");
    }

    @Override
    public int compareTo(Path other) {
        return toString().compareTo(other.toString());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof SimulatedPath path
                && path.isAbsolute == isAbsolute
                && path.names.equals(names);
    }

    @Override
    public int hashCode() {
        return names.hashCode();
    }

    @Override
    public String toString() {
        if (text.isEmpty()) {
            text = (isAbsolute ? "/" : "") + String.join("/", names);
        }
        return text;
    }
}
