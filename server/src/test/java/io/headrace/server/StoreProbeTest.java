package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.testing.LeakCheck;
import io.headrace.testing.s3.Operation;
import io.headrace.testing.s3.Traffic;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What a server asks its stores when it starts. */
final class StoreProbeTest {
    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path data;

    @Test
    void storeIsAskedOnceBeforeAnyTopicNeedsIt() throws Exception {
        Traffic traffic;
        try (SourceServer server = new SourceServer(data, Map.of(), Map.of())) {
            traffic = server.proxy.traffic();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (traffic.requests() == 0 || traffic.inFlight() > 0) {
                assertTrue(System.nanoTime() - deadline < 0, "not asked");
                LockSupport.parkNanos(1_000_000);
            }
        }
        assertEquals(1, traffic.requests(Operation.LIST));
        assertEquals(1, traffic.requests());
    }

    @Test
    void serverServesAndEndsWhileAStoreDoesNotAnswer() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            silent.setSoTimeout(30_000);
            Map<String, String> store =
                    Map.of("endpoint", "http://127.0.0.1:" + silent.getLocalPort());
            try (SourceServer server = new SourceServer(data, Map.of(), store);
                    Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrap()));
                    Socket asking = silent.accept()) {
                assertEquals(1, admin.describeCluster().nodes().get().size());
                assertTrue(asking.isConnected());
            }
        }
    }
}
