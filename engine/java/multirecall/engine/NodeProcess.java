package multirecall.engine;

import java.io.Closeable;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/**
 * What a process that is one node does alike for every engine: read its settings, run, end cleanly.
 *
 * <p>It ends on SIGTERM, and, when the property {@code multirecall.owner_pid} is set, as soon as that process is gone,
 * so that a killed test run leaves no server behind.
 */
final class NodeProcess {

    private static final long OWNER_CHECK_INTERVAL_MS = 1_000;

    private NodeProcess() {}

    /** Something that can be started and closed, which the nodes of both engines are without a common type. */
    interface StartedNode extends Closeable {
        void start() throws Exception;
    }

    interface NodeMaker {
        StartedNode make(Map<String, String> settings) throws Exception;
    }

    /** Runs the node that the maker makes from {@code key=value} arguments; returns never. */
    static void run(String[] arguments, NodeMaker maker) {
        try {
            StartedNode node = maker.make(settingsFrom(arguments));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node), "close-node"));
            watchOwner();
            node.start();
            new CountDownLatch(1).await();
        } catch (Throwable failure) {
            failure.printStackTrace();
            // A half-started node leaves threads behind that would keep a useless process alive.
            Runtime.getRuntime().halt(1);
        }
    }

    private static void close(StartedNode node) {
        try {
            node.close();
        } catch (Exception failure) {
            failure.printStackTrace();
        }
    }

    private static void watchOwner() {
        String owner = System.getProperty("multirecall.owner_pid");
        if (owner == null) {
            return;
        }
        long ownerPid = Long.parseLong(owner);
        Thread watch = new Thread(() -> {
            while (ProcessHandle.of(ownerPid).map(ProcessHandle::isAlive).orElse(false)) {
                try {
                    Thread.sleep(OWNER_CHECK_INTERVAL_MS);
                } catch (InterruptedException stopped) {
                    return;
                }
            }
            System.exit(0);
        }, "watch-owner");
        watch.setDaemon(true);
        watch.start();
    }

    private static Map<String, String> settingsFrom(String[] arguments) {
        Map<String, String> settings = new LinkedHashMap<>();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("not a key=value setting: " + argument);
            }
            settings.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
        return settings;
    }
}
