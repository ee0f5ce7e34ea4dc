package io.headrace.testing.s3;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The head of an HTTP/1.1 message: its first line and its header lines, in their order. */
final class HttpHead {
    private static final int LENGTH_MAX = 64 << 10;

    private final String firstLine;
    private final List<String> headers = new ArrayList<>();

    HttpHead(String firstLine) {
        this.firstLine = firstLine;
    }

    /** Reads a head; null if the stream ends before it begins. */
    static @Nullable HttpHead read(InputStream from) throws IOException {
        String first = line(from, true);
        if (first == null) {
            return null;
        }
        HttpHead head = new HttpHead(first);
        int length = first.length();
        String line;
        while (!(line = someLine(from)).isEmpty()) {
            length += line.length();
            if (length > LENGTH_MAX) {
                throw new IOException("head too long: max=" + LENGTH_MAX);
            }
            head.headers.add(line);
        }
        return head;
    }

    /** A line without its end. */
    static String someLine(InputStream from) throws IOException {
        String line = line(from, false);
        if (line == null) {
            throw new EOFException("stream ends within a line");
        }
        return line;
    }

    private static @Nullable String line(InputStream from, boolean mayEnd) throws IOException {
        StringBuilder line = new StringBuilder();
        int next;
        while ((next = from.read()) != '\n') {
            if (next < 0) {
                if (mayEnd && line.isEmpty()) {
                    return null;
                }
                throw new EOFException("stream ends within a head");
            }
            if (line.length() > LENGTH_MAX) {
                throw new IOException("line too long: max=" + LENGTH_MAX);
            }
            line.append((char) next);
        }
        if (!line.isEmpty() && line.charAt(line.length() - 1) == '\r') {
            line.setLength(line.length() - 1);
        }
        return line.toString();
    }

    String method() {
        return firstLine.substring(0, firstLine.indexOf(' '));
    }

    /** The path of a request, without its query. */
    String path() {
        String target = firstLine.split(" ", 3)[1];
        int query = target.indexOf('?');
        return query < 0 ? target : target.substring(0, query);
    }

    /** The status of a response. */
    int status() {
        return Integer.parseInt(firstLine.split(" ", 3)[1]);
    }

    @Nullable String header(String name) {
        for (String line : headers) {
            if (isNamed(line, name)) {
                return line.substring(name.length() + 1).trim();
            }
        }
        return null;
    }

    private static boolean isNamed(String line, String name) {
        return line.length() > name.length()
                && line.charAt(name.length()) == ':'
                && line.regionMatches(true, 0, name, 0, name.length());
    }

    HttpHead without(String name) {
        headers.removeIf(line -> isNamed(line, name));
        return this;
    }

    HttpHead with(String name, String value) {
        without(name);
        headers.add(name + ": " + value);
        return this;
    }

    /** Bytes of the body as announced; −1 if they are not. */
    long contentLength() {
        String value = header("Content-Length");
        return value == null ? -1 : Long.parseLong(value);
    }

    boolean isChunked() {
        return "chunked".equalsIgnoreCase(header("Transfer-Encoding"));
    }

    boolean endsConnection() {
        return "close".equalsIgnoreCase(header("Connection"));
    }

    void write(OutputStream to) throws IOException {
        StringBuilder text = new StringBuilder(firstLine).append("\r\n");
        headers.forEach(line -> text.append(line).append("\r\n"));
        to.write(text.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
    }
}
