import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.util.Collections;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

/**
 * Reads every byte of an archive, through its central directory ("file") or front to back ("stream"),
 * and prints a line for each entry: size, CRC-32, name. What was read must be what the entry says.
 */
public final class Read {
    private static final byte[] BUFFER = new byte[1 << 20];

    private final PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, java.nio.charset.StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws IOException {
        Read read = new Read();
        if (arguments[0].equals("file")) {
            read.file(arguments[1]);
        } else {
            read.stream(arguments[1]);
        }
        read.out.flush();
    }

    private void file(String path) throws IOException {
        try (ZipFile archive = new ZipFile(path)) {
            for (ZipEntry entry : Collections.list(archive.entries())) {
                try (InputStream content = archive.getInputStream(entry)) {
                    check(entry, content);
                }
            }
        }
    }

    private void stream(String path) throws IOException {
        try (ZipInputStream archive = new ZipInputStream(new BufferedInputStream(new FileInputStream(path), 1 << 20))) {
            for (ZipEntry entry = archive.getNextEntry(); entry != null; entry = archive.getNextEntry()) {
                check(entry, archive);
            }
        }
    }

    /** Sizes and CRC-32 of an entry with a descriptor are known once its content was read. */
    private void check(ZipEntry entry, InputStream content) throws IOException {
        CRC32 crc32 = new CRC32();
        long size = 0;
        for (int count = content.read(BUFFER); count != -1; count = content.read(BUFFER)) {
            crc32.update(BUFFER, 0, count);
            size += count;
        }
        if (entry.getSize() != size || entry.getCrc() != crc32.getValue()) {
            throw new IOException(entry.getName() + " is not what it says");
        }
        out.println(size + " " + Long.toHexString(crc32.getValue()) + " " + entry.getName());
    }
}
