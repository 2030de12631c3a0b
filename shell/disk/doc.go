// Package disk makes and changes disk images with qemu-img, and puts files into
// them.
//
// [Images] names a directory; relative names of images are below it. Each
// method runs qemu-img once or a few times, waits for it, and returns what it
// said where it failed. Several may run at once, on different images.
//
// # Arguments
//
// qemu-img takes a name such as json:… or nbd:… for something else than a file,
// and one that begins with - for a flag. It gets absolute paths, and relative
// ones (a backing image's) that begin with ./ or ../, so that a name is never
// more than a name. Sizes are checked here.
//
// # Files
//
// An image that is created is written beside its place and renamed: what was
// there before is replaced whole, or not at all. Others are changed in place,
// which qemu-img refuses while a virtual machine has them open.
//
// [Images.Inject] mounts an image, through a loop device where it is raw and
// qemu-nbd where it is not, at a directory of its own in the temporary one, and
// unmounts it whatever happens, in a mount name space of its own: nobody else
// sees the mount, or can keep it. Mounting and unmounting have five minutes each;
// an image that is not let go by then is detached, with an error, and the kernel
// ends it. An image that a loop device has is in use. Inject holds a lock on the
// image meanwhile. What it writes goes through an [os.Root], so that no link in
// the image leads out.
//
// # Backing images
//
// A snapshot says where its backing image is relative to itself, so that both
// can be moved, or fetched by another node, together; with [Images.Absolute] it
// names it by its absolute path.
package disk
