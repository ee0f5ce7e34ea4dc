package io.headrace.server.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.Backups;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * What is answered below {@code /backups}:
 *
 * <pre>
 * POST /backups             takes a cut, and keeps its files
 * POST /backups/ID/renew    keeps them for another lease
 * POST /backups/ID/end      lets them go
 * </pre>
 *
 * The files are copied by whoever asks: the server writes nowhere but into its own folder.
 */
final class BackupRoutes implements JsonHandler.Routes {
    private static final long DEADLINE_MS = 10_000;

    /** A cut waits for a checkpoint, which is a copy of the metadata store. */
    private static final long CUT_DEADLINE_MS = 85_000;

    private static final String POST = "POST";

    private final Backups backups;
    private final String clusterId;
    private final Executor executor;

    BackupRoutes(Backups backups, String clusterId, Executor executor) {
        this.backups = backups;
        this.clusterId = clusterId;
        this.executor = executor;
    }

    @Override
    public long deadlineMs(JsonRequest request) {
        return request.name().isEmpty() ? CUT_DEADLINE_MS : DEADLINE_MS;
    }

    @Override
    public CompletableFuture<ObjectNode> answer(JsonRequest request) {
        request.onlyWith(Set.of());
        if (!request.method().equals(POST)) {
            throw new RequestException(
                    RequestException.WRONG_METHOD,
                    "wrong method: method=" + request.method() + " allowed=" + POST);
        }
        if (request.name().isEmpty()) {
            return backups.begin().thenApplyAsync(cut -> CutJson.of(cut, clusterId), executor);
        }
        switch (request.action()) {
            case "renew" -> backups.renew(request.name());
            case "end" -> backups.end(request.name());
            default -> throw new RequestException(RequestException.NOT_FOUND, "no such path");
        }
        return CompletableFuture.completedFuture(Json.object().put("id", request.name()));
    }
}
