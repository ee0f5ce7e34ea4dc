package io.headrace.server.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.Backups;
import io.headrace.engine.Backups.Cut;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * What is answered below {@code /backups}:
 *
 * <pre>
 * POST /backups             begins to take a cut, and says under which id to ask for it
 * GET  /backups/ID          the cut, whose files are kept; only the id until there is one
 * POST /backups/ID/renew    keeps them for another lease; by the id of the cut
 * POST /backups/ID/end      lets them go
 * </pre>
 *
 * A cut waits for a checkpoint, which is a copy of the metadata store and takes as long as that
 * takes: no request waits for it. Whoever asks for a cut and goes away leaves nothing behind, since
 * its lease runs out.
 *
 * <p>The files are copied by whoever asks: the server writes nowhere but into its own folder.
 */
final class BackupRoutes implements JsonHandler.Routes {
    private static final long DEADLINE_MS = 10_000;

    private static final String GET = "GET";
    private static final String POST = "POST";

    private final Backups backups;
    private final String clusterId;
    private final Executor executor;

    /** The last that was asked for; guarded by this. */
    private @Nullable Asked asked;

    /** A cut that is or was begun. */
    private record Asked(String id, CompletableFuture<Cut> cut) {}

    BackupRoutes(Backups backups, String clusterId, Executor executor) {
        this.backups = backups;
        this.clusterId = clusterId;
        this.executor = executor;
    }

    @Override
    public long deadlineMs(JsonRequest request) {
        return DEADLINE_MS;
    }

    @Override
    public CompletableFuture<ObjectNode> answer(JsonRequest request) {
        request.onlyWith(Set.of());
        boolean isForCut = !request.name().isEmpty() && request.action().isEmpty();
        String allowed = isForCut ? GET : POST;
        if (!request.method().equals(allowed)) {
            throw new RequestException(
                    RequestException.WRONG_METHOD,
                    "wrong method: method=" + request.method() + " allowed=" + allowed);
        }
        if (request.name().isEmpty()) {
            return CompletableFuture.completedFuture(Json.object().put("id", begin()));
        }
        if (isForCut) {
            return cut(request.name());
        }
        switch (request.action()) {
            case "renew" -> backups.renew(request.name());
            case "end" -> backups.end(request.name());
            default -> throw new RequestException(RequestException.NOT_FOUND, "no such path");
        }
        return CompletableFuture.completedFuture(Json.object().put("id", request.name()));
    }

    private synchronized String begin() {
        Asked before = asked;
        if (before != null && !before.cut.isDone()) {
            throw new RequestException(
                    RequestException.UNAVAILABLE,
                    "another backup is under way, retry: id=" + before.id);
        }
        Asked begun = new Asked(UUID.randomUUID().toString(), backups.begin());
        asked = begun;
        return begun.id;
    }

    private synchronized CompletableFuture<ObjectNode> cut(String id) {
        Asked begun = asked;
        if (begun == null || !begun.id.equals(id)) {
            throw new RequestException(
                    RequestException.NOT_FOUND, "no such backup is under way: id=" + id);
        }
        return begun.cut.isDone()
                ? begun.cut.thenApplyAsync(cut -> CutJson.of(cut, clusterId), executor)
                : CompletableFuture.completedFuture(Json.object().put("id", id));
    }
}
