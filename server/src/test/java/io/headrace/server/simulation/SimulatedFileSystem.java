package io.headrace.server.simulation;

import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What of {@link java.nio.file} the engine uses, on a {@link SimulatedMachine}. */
final class SimulatedFileSystem extends FileSystem {
    private final SimulatedMachine machine;
    private final Provider provider = new Provider(this);

    SimulatedFileSystem(SimulatedMachine machine) {
        this.machine = machine;
    }

    SimulatedMachine machine() {
        return machine;
    }

    @Override
    public FileSystemProvider provider() {
        return provider;
    }

    @Override
    public void close() {}

    @Override
    public boolean isOpen() {
        return true;
    }

    @Override
    public boolean isReadOnly() {
        return false;
    }

    @Override
    public String getSeparator() {
        return "/";
    }

    @Override
    public Iterable<Path> getRootDirectories() {
        return List.of(getPath("/"));
    }

    @Override
    public Iterable<FileStore> getFileStores() {
        return List.of();
    }

    @Override
    public Set<String> supportedFileAttributeViews() {
        return Set.of("basic");
    }

    @Override
    public Path getPath(String first, String... more) {
        StringBuilder text = new StringBuilder(first);
        for (String name : more) {
            text.append('/').append(name);
        }
        return SimulatedPath.of(this, text.toString());
    }

    @Override
    public PathMatcher getPathMatcher(String pattern) {
        throw new UnsupportedOperationException();
    }

    @Override
    public UserPrincipalLookupService getUserPrincipalLookupService() {
        throw new UnsupportedOperationException();
    }

    @Override
    public WatchService newWatchService() {
        throw new UnsupportedOperationException();
    }

    private static final class Provider extends FileSystemProvider {
        private final SimulatedFileSystem fileSystem;

        Provider(SimulatedFileSystem fileSystem) {
            this.fileSystem = fileSystem;
        }

        private SimulatedMachine machine() {
            return fileSystem.machine;
        }

        @Override
        public String getScheme() {
            return "simulated";
        }

        @Override
        public FileSystem newFileSystem(URI uri, Map<String, ?> settings) {
            throw new UnsupportedOperationException();
        }

        @Override
        public FileSystem getFileSystem(URI uri) {
            return fileSystem;
        }

        @Override
        public Path getPath(URI uri) {
            return fileSystem.getPath(uri.getPath());
        }

        @Override
        public FileChannel newFileChannel(
                Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
                throws IOException {
            return machine().open((SimulatedPath) path, options);
        }

        @Override
        public SeekableByteChannel newByteChannel(
                Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
                throws IOException {
            return machine().open((SimulatedPath) path, options);
        }

        @Override
        public DirectoryStream<Path> newDirectoryStream(
                Path folder, DirectoryStream.Filter<? super Path> filter) throws IOException {
            List<Path> children = machine().list((SimulatedPath) folder);
            return new DirectoryStream<>() {
                @Override
                public Iterator<Path> iterator() {
                    return children.iterator();
                }

                @Override
                public void close() {}
            };
        }

        @Override
        public void createDirectory(Path folder, FileAttribute<?>... attributes)
                throws IOException {
            machine().createFolder((SimulatedPath) folder);
        }

        @Override
        public void delete(Path path) throws IOException {
            machine().delete((SimulatedPath) path);
        }

        @Override
        public void copy(Path from, Path to, CopyOption... options) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void move(Path from, Path to, CopyOption... options) throws IOException {
            machine().move((SimulatedPath) from, (SimulatedPath) to);
        }

        @Override
        public boolean isSameFile(Path one, Path other) {
            return one.equals(other);
        }

        @Override
        public boolean isHidden(Path path) {
            return false;
        }

        @Override
        public FileStore getFileStore(Path path) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void checkAccess(Path path, AccessMode... modes) throws IOException {
            node(path);
        }

        private SimulatedMachine.Node node(Path path) throws IOException {
            SimulatedMachine.Node node = machine().find((SimulatedPath) path);
            if (node == null) {
                throw new NoSuchFileException(path.toString());
            }
            return node;
        }

        @Override
        public <V extends FileAttributeView> V getFileAttributeView(
                Path path, Class<V> type, LinkOption... options) {
            throw new UnsupportedOperationException();
        }

        @Override
        public <A extends BasicFileAttributes> A readAttributes(
                Path path, Class<A> type, LinkOption... options) throws IOException {
            return type.cast(new Attributes(node(path)));
        }

        @Override
        public Map<String, Object> readAttributes(
                Path path, String attributes, LinkOption... options) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void setAttribute(Path path, String attribute, Object value, LinkOption... options) {
            throw new UnsupportedOperationException();
        }
    }

    private record Attributes(SimulatedMachine.Node node) implements BasicFileAttributes {
        @Override
        public FileTime lastModifiedTime() {
            return FileTime.fromMillis(0);
        }

        @Override
        public FileTime lastAccessTime() {
            return FileTime.fromMillis(0);
        }

        @Override
        public FileTime creationTime() {
            return FileTime.fromMillis(0);
        }

        @Override
        public boolean isRegularFile() {
            return !node.isFolder();
        }

        @Override
        public boolean isDirectory() {
            return node.isFolder();
        }

        @Override
        public boolean isSymbolicLink() {
            return false;
        }

        @Override
        public boolean isOther() {
            return false;
        }

        @Override
        public long size() {
            return node.length();
        }

        @Override
        public Object fileKey() {
            return node;
        }
    }
}
